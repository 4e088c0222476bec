import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;

/**
 * A consumer of the events of orders, as docs/consumers.md describes it. Debian: librabbitmq-client-java libpostgresql-jdbc-java
 *
 * AMQP_URL      the broker
 * JDBC_URL      the consumer's own database, with the tables of ../schema.sql
 * QUEUE         the name of its queue, and the beginning of all other names
 * PATTERNS      what it wants, "order.*" by default; several are separated by commas
 * EXCHANGE      "commercial-management" by default
 * PARTITIONS    1 by default; with 4, the queues are QUEUE.0 to QUEUE.3, and PARTITION says which one this process reads
 *
 * Run two processes for each queue: one works, the other one takes over when the first one dies.
 */
public class Consumer {
    static final String QUEUE = Objects.requireNonNull(System.getenv("QUEUE"), "QUEUE is not set");
    static final String[] PATTERNS = setting("PATTERNS", "order.*").split(",");
    static final String EXCHANGE = setting("EXCHANGE", "commercial-management");
    static final int PARTITIONS = Integer.parseInt(setting("PARTITIONS", "1"));
    static final int PARTITION = Integer.parseInt(setting("PARTITION", "0"));
    static final int PREFETCH = 16; // messages in the hands of this process; the same for every process of a queue
    static final int DELIVERY_LIMIT = 100; // after so many crashes with the message in hand, it becomes a dead letter
    static final long RETRY_MS = 300_000; // how long one message is tried while the database does not answer
    static final long LONGEST_PAUSE_MS = 30_000;

    static volatile boolean stopping;
    static volatile CompletableFuture<Void> ended = new CompletableFuture<>();
    static java.sql.Connection database;

    /** This message can never be processed. */
    static class Rejected extends Exception {
        private static final long serialVersionUID = 1;

        Rejected(String reason) {
            super(reason);
        }
    }

    static String setting(String name, String otherwise) {
        return Objects.requireNonNullElse(System.getenv(name), otherwise);
    }

    static void log(String text) {
        System.err.println(Instant.now() + " " + text);
    }

    /** Declares what this consumer needs. What is there already stays as it is. */
    static Channel declare(Connection connection) throws IOException {
        Channel channel = connection.createChannel();
        try {
            channel.exchangeDeclarePassive(EXCHANGE); // needs no right to configure it
        } catch (IOException error) {
            if (!String.valueOf(error.getCause()).contains("reply-code=404")) throw error;
            channel = connection.createChannel();
            channel.exchangeDeclare(EXCHANGE, "topic", true); // exactly as the relay does
        }
        channel.exchangeDeclare(QUEUE + ".dlx", "fanout", true);
        channel.queueDeclare(QUEUE + ".dead-letters", true, false, false, Map.of("x-queue-type", "quorum"));
        channel.queueBind(QUEUE + ".dead-letters", QUEUE + ".dlx", "");
        Map<String, Object> arguments = Map.of(
            "x-queue-type", "quorum",
            "x-single-active-consumer", true,
            "x-delivery-limit", DELIVERY_LIMIT,
            "x-dead-letter-exchange", QUEUE + ".dlx",
            "x-dead-letter-strategy", "at-least-once",
            "x-overflow", "reject-publish"); // at-least-once requires it
        if (PARTITIONS == 1) {
            channel.queueDeclare(QUEUE, true, false, false, arguments);
            for (String pattern : PATTERNS) channel.queueBind(QUEUE, EXCHANGE, pattern);
            return channel;
        }
        channel.exchangeDeclare(QUEUE + ".hash", "x-consistent-hash", true, false, Map.of("hash-header", "aggregate-id"));
        for (int number = 0; number < PARTITIONS; number++) {
            channel.queueDeclare(QUEUE + "." + number, true, false, false, arguments);
            channel.queueBind(QUEUE + "." + number, QUEUE + ".hash", "1"); // the key is its weight
        }
        // Last: an event that came while queues were missing would be in the queue of another aggregate.
        for (String pattern : PATTERNS) channel.exchangeBind(QUEUE + ".hash", EXCHANGE, pattern);
        return channel;
    }

    static void connect() throws SQLException {
        if (database != null) return;
        var limits = new Properties(); // seconds
        limits.setProperty("loginTimeout", "5");
        limits.setProperty("socketTimeout", "30");
        database = DriverManager.getConnection(Objects.requireNonNull(System.getenv("JDBC_URL"), "JDBC_URL is not set"), limits);
        database.setAutoCommit(false);
    }

    static void disconnect() {
        try {
            if (database != null) database.close();
        } catch (SQLException ignored) {
            // It is not used any more.
        }
        database = null;
    }

    static int execute(String statement, Object... values) throws SQLException {
        try (var prepared = database.prepareStatement(statement)) {
            for (int index = 0; index < values.length; index++) prepared.setObject(index + 1, values[index]);
            return prepared.executeUpdate();
        }
    }

    /** Processes a message in one transaction, together with the note that it was processed. */
    static void apply(Delivery message) throws SQLException, Rejected {
        var properties = message.getProperties();
        Map<String, Object> headers = Objects.requireNonNullElse(properties.getHeaders(), Map.of());
        String id = properties.getMessageId();
        String type = properties.getType();
        Object order = headers.get("aggregate-id");
        if (!(headers.get("schema-version") instanceof Number schema) || schema.intValue() != 1)
            throw new Rejected("schema-version " + headers.get("schema-version") + " is not known here");
        if (id == null || type == null || order == null || !(headers.get("aggregate-version") instanceof Number number))
            throw new Rejected("properties or headers are missing");
        long version = number.longValue();
        int isNew = execute("INSERT INTO inbox (consumer, message_id) VALUES (?, ?) ON CONFLICT DO NOTHING", QUEUE, id);
        if (isNew == 1) { // otherwise it is a repeat
            // PostgreSQL reads the JSON, so no library is needed; a body that is none is a data exception.
            int changed = execute(
                "INSERT INTO orders_seen AS seen (order_id, aggregate_version, status, gross_total)"
                + " VALUES (?, ?, ?, CAST(CAST(? AS jsonb) ->> 'gross_total' AS numeric))"
                + " ON CONFLICT (order_id) DO UPDATE SET aggregate_version = excluded.aggregate_version, status = excluded.status,"
                + " gross_total = coalesce(excluded.gross_total, seen.gross_total), events = seen.events + 1"
                + " WHERE seen.aggregate_version < excluded.aggregate_version",
                order.toString(), version, type.substring(type.lastIndexOf('.') + 1), new String(message.getBody(), StandardCharsets.UTF_8));
            execute(
                "INSERT INTO applied (message_id, order_id, aggregate_version, event_type, late, replayed, worker)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?)",
                id, order.toString(), version, type, changed == 0, headers.containsKey("replayed"), "" + ProcessHandle.current().pid());
        }
        database.commit();
    }

    /** Tries a message until it is processed: the next one waits, so the order stays. */
    static void process(Delivery message) throws Rejected {
        long deadline = System.nanoTime() + RETRY_MS * 1_000_000;
        for (long pause = 100; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
            try {
                connect();
                apply(message);
                return;
            } catch (Rejected reason) {
                throw reason;
            } catch (SQLException error) {
                disconnect(); // ends the transaction, too
                String state = Objects.requireNonNullElse(error.getSQLState(), "");
                // Data exceptions and violated constraints: trying again would change nothing.
                if (state.startsWith("22") || state.startsWith("23")) throw new Rejected("the database refuses its values: " + error.getMessage());
                log("the database: " + error.getMessage() + "; trying again in " + pause + " ms");
                // The broker gives the message to the next process. Started again, this one waits for the database.
                if (stopping || System.nanoTime() > deadline) Runtime.getRuntime().halt(stopping ? 0 : 1);
                sleep(pause);
            }
        }
    }

    /** Reads until the connection is lost, or the process is to stop. */
    static void consume() throws Exception {
        connect(); // first: without a database no message is taken
        ended = new CompletableFuture<>();
        var factory = new ConnectionFactory();
        factory.setUri(Objects.requireNonNull(System.getenv("AMQP_URL"), "AMQP_URL is not set"));
        factory.setAutomaticRecoveryEnabled(false); // main connects again, and declares again
        Connection connection = factory.newConnection();
        var lock = new Object();
        var over = new boolean[1];
        try {
            connection.addShutdownListener(ended::completeExceptionally);
            Channel channel = declare(connection);
            String queue = PARTITIONS == 1 ? QUEUE : QUEUE + "." + PARTITION;
            channel.addShutdownListener(ended::completeExceptionally);
            channel.basicQos(PREFETCH);
            // The library calls this for one message of a channel after the other.
            channel.basicConsume(queue, false, (tag, message) -> {
                synchronized (lock) {
                    if (over[0]) return; // the broker gives it to the next process
                    long delivery = message.getEnvelope().getDeliveryTag();
                    try {
                        process(message);
                        channel.basicAck(delivery, false);
                    } catch (Rejected reason) {
                        log("dead letter: " + message.getProperties().getMessageId() + ": " + reason.getMessage());
                        channel.basicReject(delivery, false);
                    }
                }
            }, tag -> ended.completeExceptionally(new IOException("the queue was deleted")));
            log("reading " + queue);
            if (!stopping) ended.get();
        } finally {
            synchronized (lock) { // after the current message
                over[0] = true;
            }
            connection.abort(5000); // without cancelling first: docs/consumers.md, "Stopping"
        }
    }

    static void sleep(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] arguments) {
        var main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> { // SIGTERM, SIGINT
            stopping = true;
            ended.complete(null);
            try {
                main.join();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            Runtime.getRuntime().halt(0);
        }));
        for (long pause = 500; !stopping; ) {
            long began = System.nanoTime();
            try {
                consume();
            } catch (Exception error) {
                if (stopping) return;
                log(error + "; connecting again in " + pause + " ms");
                disconnect();
                sleep(pause);
                pause = System.nanoTime() - began > 60_000_000_000L ? 500 : Math.min(pause * 2, LONGEST_PAUSE_MS);
            }
        }
    }
}
