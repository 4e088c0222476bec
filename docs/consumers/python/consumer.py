"""A consumer of the events of orders, as docs/consumers.md describes it. pip install -r requirements.txt

AMQP_URL       the broker
DATABASE_URL   the consumer's own database, with the tables of ../schema.sql
QUEUE          the name of its queue, and the beginning of all other names
PATTERNS       what it wants, "order.*" by default; several are separated by commas
EXCHANGE       "commercial-management" by default
PARTITIONS     1 by default; with 4, the queues are QUEUE.0 to QUEUE.3, and PARTITION says which one this process reads

Run two processes for each queue: one works, the other one takes over when the first one dies.
"""

import json
import logging
import os
import signal
import sys
import time

import pika
import psycopg
from pika.exceptions import AMQPError, ChannelClosedByBroker

QUEUE = os.environ["QUEUE"]
PATTERNS = os.environ.get("PATTERNS", "order.*").split(",")
EXCHANGE = os.environ.get("EXCHANGE", "commercial-management")
PARTITIONS = int(os.environ.get("PARTITIONS", "1"))
PARTITION = int(os.environ.get("PARTITION", "0"))
PREFETCH = 16  # messages in the hands of this process; the same for every process of a queue
DELIVERY_LIMIT = 100  # after so many crashes with the message in hand, it becomes a dead letter
RETRY_SECONDS = 300  # how long one message is tried while the database does not answer
LONGEST_PAUSE = 30  # seconds
# A server that is gone is noticed within 30 s, and a statement ends within 30 s.
DATABASE_LIMITS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 10,
    "keepalives_interval": 10,
    "keepalives_count": 2,
    "options": "-c statement_timeout=30s",
}

log = logging.getLogger("consumer")
stopping = False


class Rejected(Exception):
    """This message can never be processed."""


def stop(*_):
    global stopping
    stopping = True


def declare(connection):
    """Declares what this consumer needs. What is there already stays as it is."""
    channel = connection.channel()
    try:
        channel.exchange_declare(EXCHANGE, passive=True)  # needs no right to configure it
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "topic", durable=True)  # exactly as the relay does
    channel.exchange_declare(f"{QUEUE}.dlx", "fanout", durable=True)
    channel.queue_declare(f"{QUEUE}.dead-letters", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(f"{QUEUE}.dead-letters", f"{QUEUE}.dlx")
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": f"{QUEUE}.dlx",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # at-least-once requires it
    }
    if PARTITIONS == 1:
        channel.queue_declare(QUEUE, durable=True, arguments=arguments)
        for pattern in PATTERNS:
            channel.queue_bind(QUEUE, EXCHANGE, pattern)
        return channel, QUEUE
    channel.exchange_declare(
        f"{QUEUE}.hash", "x-consistent-hash", durable=True, arguments={"hash-header": "aggregate-id"}
    )
    for number in range(PARTITIONS):
        channel.queue_declare(f"{QUEUE}.{number}", durable=True, arguments=arguments)
        channel.queue_bind(f"{QUEUE}.{number}", f"{QUEUE}.hash", "1")  # the key is its weight
    # Last: an event that came while queues were missing would be in the queue of another aggregate.
    for pattern in PATTERNS:
        channel.exchange_bind(f"{QUEUE}.hash", EXCHANGE, pattern)
    return channel, f"{QUEUE}.{PARTITION}"


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, **DATABASE_LIMITS)


def apply(database, properties, body):
    """Processes a message in one transaction, together with the note that it was processed."""
    headers = properties.headers or {}
    try:
        if headers["schema-version"] != 1:
            raise Rejected(f"schema-version {headers['schema-version']} is not known here")
        message, event_type = properties.message_id, properties.type
        order, version = headers["aggregate-id"], headers["aggregate-version"]
        total = json.loads(body).get("gross_total")  # a decimal string; members that are not known are ignored
    except (KeyError, ValueError, AttributeError) as error:
        raise Rejected(f"it cannot be read: {error!r}") from error
    if not message or not event_type:
        raise Rejected("it has no message id, or no type")
    with database.transaction():
        new = database.execute(
            "INSERT INTO inbox (consumer, message_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (QUEUE, message)
        )
        if new.rowcount == 0:
            return  # a repeat
        changed = database.execute(
            "INSERT INTO orders_seen AS seen (order_id, aggregate_version, status, gross_total)"
            " VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (order_id) DO UPDATE SET aggregate_version = excluded.aggregate_version,"
            " status = excluded.status, gross_total = coalesce(excluded.gross_total, seen.gross_total),"
            " events = seen.events + 1 WHERE seen.aggregate_version < excluded.aggregate_version",
            (order, version, event_type.rpartition(".")[2], total),
        )
        database.execute(
            "INSERT INTO applied (message_id, order_id, aggregate_version, event_type, late, replayed, worker)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (message, order, version, event_type, changed.rowcount == 0, "replayed" in headers, str(os.getpid())),
        )


def process(connection, database, properties, body):
    """Tries a message until it is processed: the next one waits, so the order stays. Returns the database's connection."""
    deadline, pause = time.monotonic() + RETRY_SECONDS, 0.1
    while True:
        try:
            if database.closed:
                database = connect()
            apply(database, properties, body)
            return database
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise Rejected(f"the database refuses its values: {error}") from error
        except psycopg.Error as error:
            log.warning("the database: %s; trying again in %.1f s", error, pause)
            if stopping or time.monotonic() > deadline:
                # The broker gives the message to the next process. Started again, this one waits for the database.
                sys.exit(0 if stopping else 1)
            connection.sleep(pause)  # answers the broker's heartbeats, as time.sleep does not
            pause = min(pause * 2, LONGEST_PAUSE)


def consume(database):
    """Reads until the connection is lost, or the process is to stop."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
    channel, queue = declare(connection)
    channel.basic_qos(prefetch_count=PREFETCH)
    log.info("reading %s", queue)
    for method, properties, body in channel.consume(queue, inactivity_timeout=0.5):
        if stopping:
            return  # without closing: docs/consumers.md, "Stopping"
        if method is None:
            continue
        try:
            database = process(connection, database, properties, body)
            channel.basic_ack(method.delivery_tag)
        except Rejected as reason:
            log.error("dead letter: %s: %s", properties.message_id, reason)
            channel.basic_reject(method.delivery_tag, requeue=False)
    raise AMQPError("the queue was deleted")


def main():
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # what matters is raised
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pause = 0.5
    while not stopping:
        began = time.monotonic()
        try:
            with connect() as database:  # first: without a database no message is taken
                consume(database)
        except (AMQPError, OSError, psycopg.Error) as error:
            log.warning("%s: %s; connecting again in %.1f s", type(error).__name__, error, pause)
            time.sleep(pause)
            pause = 0.5 if time.monotonic() - began > 60 else min(pause * 2, LONGEST_PAUSE)


if __name__ == "__main__":
    main()
