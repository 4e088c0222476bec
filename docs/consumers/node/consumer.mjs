// A consumer of the events of orders, as docs/consumers.md describes it. npm ci
//
// AMQP_URL       the broker
// DATABASE_URL   the consumer's own database, with the tables of ../schema.sql
// QUEUE          the name of its queue, and the beginning of all other names
// PATTERNS       what it wants, "order.*" by default; several are separated by commas
// EXCHANGE       "commercial-management" by default
// PARTITIONS     1 by default; with 4, the queues are QUEUE.0 to QUEUE.3, and PARTITION says which one this process reads
//
// Run two processes for each queue: one works, the other one takes over when the first one dies.

import { setTimeout as sleep } from "node:timers/promises";

import amqp from "amqplib";
import pg from "pg";

const { AMQP_URL, DATABASE_URL, QUEUE } = process.env;
const PATTERNS = (process.env.PATTERNS ?? "order.*").split(",");
const EXCHANGE = process.env.EXCHANGE ?? "commercial-management";
const PARTITIONS = Number(process.env.PARTITIONS ?? 1);
const PARTITION = Number(process.env.PARTITION ?? 0);
const PREFETCH = 16; // messages in the hands of this process; the same for every process of a queue
const DELIVERY_LIMIT = 100; // after so many crashes with the message in hand, it becomes a dead letter
const RETRY_MS = 300_000; // how long one message is tried while the database does not answer
const LONGEST_PAUSE_MS = 30_000;
const DATABASE_LIMITS = { connectionTimeoutMillis: 5000, query_timeout: 30_000 };

/** This message can never be processed. */
class Rejected extends Error {}

const log = (text) => console.error(new Date().toISOString(), text);
let stopping = false;
let stop = () => {};
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    stopping = true;
    stop();
  });
}

/** Opens a channel. Its errors reach the caller as rejected promises; without a listener they would end the process. */
async function open(connection) {
  const channel = await connection.createChannel();
  channel.on("error", (error) => log(`the channel was closed: ${error.message}`));
  return channel;
}

/** Declares what this consumer needs. What is there already stays as it is. */
async function declare(connection) {
  let channel = await open(connection);
  try {
    await channel.checkExchange(EXCHANGE); // needs no right to configure it
  } catch (error) {
    if (error.code !== 404) throw error;
    channel = await open(connection);
    await channel.assertExchange(EXCHANGE, "topic", { durable: true }); // exactly as the relay does
  }
  await channel.assertExchange(`${QUEUE}.dlx`, "fanout", { durable: true });
  await channel.assertQueue(`${QUEUE}.dead-letters`, { durable: true, arguments: { "x-queue-type": "quorum" } });
  await channel.bindQueue(`${QUEUE}.dead-letters`, `${QUEUE}.dlx`, "");
  const options = {
    durable: true,
    arguments: {
      "x-queue-type": "quorum",
      "x-single-active-consumer": true,
      "x-delivery-limit": DELIVERY_LIMIT,
      "x-dead-letter-exchange": `${QUEUE}.dlx`,
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish", // at-least-once requires it
    },
  };
  if (PARTITIONS === 1) {
    await channel.assertQueue(QUEUE, options);
    for (const pattern of PATTERNS) await channel.bindQueue(QUEUE, EXCHANGE, pattern);
    return { channel, queue: QUEUE };
  }
  const hash = { durable: true, arguments: { "hash-header": "aggregate-id" } };
  await channel.assertExchange(`${QUEUE}.hash`, "x-consistent-hash", hash);
  for (let number = 0; number < PARTITIONS; number += 1) {
    await channel.assertQueue(`${QUEUE}.${number}`, options);
    await channel.bindQueue(`${QUEUE}.${number}`, `${QUEUE}.hash`, "1"); // the key is its weight
  }
  // Last: an event that came while queues were missing would be in the queue of another aggregate.
  for (const pattern of PATTERNS) await channel.bindExchange(`${QUEUE}.hash`, EXCHANGE, pattern);
  return { channel, queue: `${QUEUE}.${PARTITION}` };
}

async function connect() {
  const database = new pg.Client({ connectionString: DATABASE_URL, ...DATABASE_LIMITS });
  database.on("error", (error) => log(`the database: ${error.message}`)); // the next statement fails
  await database.connect();
  return database;
}

/** What the transaction needs of a message. */
function read({ properties, content }) {
  const { headers, messageId, type } = properties;
  if (headers["schema-version"] !== 1) throw new Rejected(`schema-version ${headers["schema-version"]} is not known here`);
  const [order, version] = [headers["aggregate-id"], headers["aggregate-version"]];
  if (!messageId || !type || !order || !Number.isInteger(version)) throw new Rejected("properties or headers are missing");
  try {
    const { gross_total: total } = JSON.parse(content); // a decimal string; members that are not known are ignored
    return { messageId, type, order, version, total, replayed: "replayed" in headers };
  } catch (error) {
    throw new Rejected(`it cannot be read: ${error.message}`);
  }
}

/** Processes a message in one transaction, together with the note that it was processed. */
async function apply(database, event) {
  await database.query("BEGIN");
  const noted = await database.query("INSERT INTO inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    QUEUE,
    event.messageId,
  ]);
  if (noted.rowCount === 0) return database.query("ROLLBACK"); // a repeat
  const changed = await database.query(
    `INSERT INTO orders_seen AS seen (order_id, aggregate_version, status, gross_total) VALUES ($1, $2, $3, $4)
     ON CONFLICT (order_id) DO UPDATE SET aggregate_version = excluded.aggregate_version, status = excluded.status,
       gross_total = coalesce(excluded.gross_total, seen.gross_total), events = seen.events + 1
     WHERE seen.aggregate_version < excluded.aggregate_version`,
    [event.order, event.version, event.type.split(".").at(-1), event.total],
  );
  await database.query(
    `INSERT INTO applied (message_id, order_id, aggregate_version, event_type, late, replayed, worker)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [event.messageId, event.order, event.version, event.type, changed.rowCount === 0, event.replayed, `${process.pid}`],
  );
  return database.query("COMMIT");
}

let database;

/** Tries a message until it is processed: the next one waits, so the order stays. */
async function processed(message) {
  const event = read(message);
  const deadline = Date.now() + RETRY_MS;
  for (let pause = 100; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      database ??= await connect();
      return await apply(database, event);
    } catch (error) {
      await database?.end().catch(() => {}); // ends the transaction, too
      database = undefined;
      // Data exceptions and violated constraints: trying again would change nothing.
      if (/^(22|23)/.test(error.code)) throw new Rejected(`the database refuses its values: ${error.message}`);
      log(`the database: ${error.message}; trying again in ${pause} ms`);
      // The broker gives the message to the next process. Started again, this one waits for the database.
      if (stopping || Date.now() > deadline) process.exit(stopping ? 0 : 1);
      await sleep(pause);
    }
  }
}

/** Reads until the connection is lost, or the process is to stop. */
async function consume() {
  database ??= await connect(); // first: without a database no message is taken
  const connection = await amqp.connect(AMQP_URL);
  let over = false;
  let last = Promise.resolve();
  try {
    await new Promise((resolve, reject) => {
      stop = resolve;
      connection.on("error", reject);
      connection.on("close", () => reject(new Error("the connection was closed")));
      declare(connection).then(async ({ channel, queue }) => {
        channel.on("close", () => reject(new Error("the channel was closed")));
        await channel.prefetch(PREFETCH);
        const handle = async (message) => {
          if (over) return; // the broker gives it to the next process
          try {
            await processed(message);
            channel.ack(message);
          } catch (error) {
            if (!(error instanceof Rejected)) throw error;
            log(`dead letter: ${message.properties.messageId}: ${error.message}`);
            channel.reject(message, false);
          }
        };
        await channel.consume(queue, (message) => {
          if (message === null) return reject(new Error("the queue was deleted"));
          last = last.then(() => handle(message)).catch(reject); // one after the other
        });
        log(`reading ${queue}`);
      }, reject).catch(reject);
      if (stopping) resolve();
    });
  } finally {
    over = true;
    await last;
    await connection.close().catch(() => {}); // without cancelling first: docs/consumers.md, "Stopping"
  }
}

for (let pause = 500; !stopping; ) {
  const began = Date.now();
  try {
    await consume();
  } catch (error) {
    log(`${error.message}; connecting again in ${pause} ms`);
    await sleep(pause);
    pause = Date.now() - began > 60_000 ? 500 : Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}
process.exit(0);
