//! Many clients on two replicas, the broker away, one replica killed: each client sees every event that its permissions
//! show, once, in order, and none of another tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use comptoir_tests::harness::{
    Consumer, EVERYTHING, EventStream, Http, Proxy, QueueOptions, Relay, StreamMessage, Tenant, World,
    address, api_key, until, with_address,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(120);
/// What a client may see: its permissions, and the first words of the types that these show.
const KINDS: [(&[&str], &[&str]); 3] = [
    (EVERYTHING, &["customer", "product", "order"]),
    (&["orders:read"], &["order"]),
    (&["customers:read", "audit:read"], &["customer"]),
];

/// What one client was told, in this order.
#[derive(Debug, Default)]
struct Told(Vec<StreamMessage>);

impl Told {
    fn ids(&self) -> BTreeSet<String> {
        self.0.iter().filter_map(|message| message.data["id"].as_str().map(str::to_owned)).collect()
    }

    fn check(&self, tenant: Uuid, expected: &BTreeSet<String>) -> Result<()> {
        let ids = self.ids();
        ensure!(ids.len() == self.0.len(), "{} messages tell {} events", self.0.len(), ids.len());
        ensure!(&ids == expected, "{} events were told of {}", ids.len(), expected.len());
        let mut versions: BTreeMap<String, i64> = BTreeMap::new();
        for StreamMessage { data, .. } in &self.0 {
            ensure!(data["tenant_id"] == json!(tenant), "another tenant's: {data}");
            let aggregate = format!("{} {}", data["aggregate_type"], data["aggregate_id"]);
            let version = data["aggregate_version"].as_i64().context("no version")?;
            let before = versions.insert(aggregate.clone(), version).unwrap_or_default();
            ensure!(before < version, "{aggregate}: version {version} came after {before}");
        }
        Ok(())
    }
}

struct Client {
    replicas: [Http; 2],
    at: usize,
    last_id: Option<String>,
    told: Told,
}

impl Client {
    /// Listens until it was told of everything. `expected` says how much that is, once it is known.
    async fn listen(mut self, expected: Arc<AtomicUsize>, ready: Arc<AtomicUsize>) -> Result<Told> {
        let mut is_ready = false;
        loop {
            match EventStream::open(&self.replicas[self.at], "", self.last_id.as_deref()).await {
                Ok(mut stream) => {
                    if !std::mem::replace(&mut is_ready, true) {
                        ready.fetch_add(1, Ordering::Relaxed);
                    }
                    self.last_id = Some(stream.last_id.clone());
                    while self.told.0.len() < expected.load(Ordering::Relaxed) {
                        let next =
                            tokio::time::timeout(Duration::from_millis(200), stream.next_message()).await;
                        match next {
                            Err(_) => {}
                            Ok(Ok(Some(message))) => {
                                ensure!(message.event != "reset", "{message:?}");
                                self.told.0.push(message);
                            }
                            Ok(Ok(None) | Err(_)) => break,
                        }
                        self.last_id = Some(stream.last_id.clone());
                    }
                    if self.told.0.len() >= expected.load(Ordering::Relaxed) {
                        // Whoever is told too much must be seen.
                        let more =
                            tokio::time::timeout(Duration::from_millis(500), stream.next_message()).await;
                        if let Ok(Ok(Some(message))) = more {
                            self.told.0.push(message);
                        }
                        return Ok(self.told);
                    }
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
            self.at = 1 - self.at;
        }
    }
}

/// Places and confirms orders until it is told to stop, wherever somebody answers.
async fn trade(replicas: [Http; 2], least: usize, go_on: Arc<AtomicBool>) -> Result<usize> {
    let mut done = 0;
    let mut at = 0;
    while go_on.load(Ordering::Relaxed) || done < least {
        let http = &replicas[at];
        let step = async {
            let n = Uuid::new_v4();
            let customer = json!({"code": format!("C-{n}"), "name": "Somebody", "email": "a@b.example"});
            let customer = http.post("/customers", &customer).await?.json;
            let product = json!({"sku": format!("P-{n}"), "name": "Thing", "unit_price": "1", "vat_rate": "20", "stocked": false});
            let product = http.post("/products", &product).await?.json;
            let body = json!({"customer_id": customer["id"], "lines": [{"product_id": product["id"], "quantity": "1"}]});
            let order: Value = http.post("/orders", &body).await?.json;
            let id = order["id"].as_str().context("no order")?.to_owned();
            http.post(&format!("/orders/{id}/confirm"), &json!({})).await?;
            anyhow::Ok(())
        };
        match step.await {
            Ok(()) => done += 1,
            Err(_) => at = 1 - at,
        }
    }
    Ok(done)
}

async fn crowd(world: &World, clients: usize, orders: usize) -> Result<()> {
    let sql = world.sql().await?;
    let (mut one, other) = (world.api().await?, world.api().await?);
    let proxy = Proxy::start(address(&world.vhost().url)?).await?;
    let through = with_address(&world.vhost().url, &proxy.address())?;
    let consumer = Consumer::attach(&world.vhost().url, QueueOptions::default()).await?;
    let _relay = Relay::start(world, &[("AMQP_URL", &through)]).await?;
    let tenants = [world.tenant().await?.clone(), Tenant::create(&sql, "Other").await?];

    let mut expected = BTreeMap::new();
    let ready = Arc::new(AtomicUsize::new(0));
    let (mut listening, go_on) = (JoinSet::new(), Arc::new(AtomicBool::new(true)));
    for number in 0..clients {
        let (tenant, kind) = (number % 2, number / 2 % KINDS.len());
        let key = api_key(&sql, tenants[tenant].id, KINDS[kind].0).await?;
        let replicas = [&one, &other].map(|api| api.http.with_credential(&key));
        let client = Client { replicas, at: number % 2, last_id: None, told: Told::default() };
        let count = expected.entry((tenant, kind)).or_insert_with(|| Arc::new(AtomicUsize::new(usize::MAX)));
        let listens = client.listen(Arc::clone(count), Arc::clone(&ready));
        listening.spawn(async move { (tenant, kind, listens.await) });
    }
    until("everybody to listen", LIMIT, async || {
        let listening = ready.load(Ordering::Relaxed);
        ensure!(listening == clients, "{listening} of {clients}");
        Ok(())
    })
    .await?;

    let mut trading = JoinSet::new();
    for tenant in &tenants {
        for _ in 0..2 {
            let replicas = [&one, &other].map(|api| api.http.with_credential(&tenant.api_key));
            trading.spawn(trade(replicas, orders / 4, Arc::clone(&go_on)));
        }
    }
    consumer.wait_for(orders / 4, LIMIT).await?;
    proxy.cut();
    let count = async || -> Result<i64> {
        Ok(sql.query_one("SELECT last_value FROM outbox_events_seq_seq", &[]).await?.get(0))
    };
    let then = count().await? + i64::try_from(orders)?;
    until("events while the broker is away", LIMIT, async || {
        ensure!(count().await? >= then, "too few");
        Ok(())
    })
    .await?;
    one.daemon.kill()?;
    let then = count().await? + i64::try_from(orders)?;
    until("events while one replica is gone", LIMIT, async || {
        ensure!(count().await? >= then, "too few");
        Ok(())
    })
    .await?;
    proxy.heal();
    go_on.store(false, Ordering::Relaxed);
    while let Some(traded) = trading.join_next().await {
        traded??;
    }

    let mut all = BTreeMap::new();
    for ((tenant, kind), count) in &expected {
        let ids = sql
            .query(
                "SELECT id::text FROM (
                    SELECT id, tenant_id, event_type FROM outbox_events
                    UNION SELECT id, tenant_id, event_type FROM outbox_history
                    UNION SELECT id, tenant_id, event_type FROM outbox_dead_letters
                ) AS e WHERE tenant_id = $1::text::uuid AND split_part(event_type, '.', 1) = ANY ($2::text[])",
                &[&tenants[*tenant].id.to_string(), &KINDS[*kind].1],
            )
            .await?;
        let ids: BTreeSet<String> = ids.iter().map(|row| row.get(0)).collect();
        count.store(ids.len(), Ordering::Relaxed);
        all.insert((*tenant, *kind), ids);
    }
    let ended = tokio::time::timeout(LIMIT * 2, async {
        while let Some(client) = listening.join_next().await {
            let (tenant, kind, told) = client?;
            let told = told.with_context(|| format!("tenant {tenant}, {:?}", KINDS[kind].0))?;
            told.check(tenants[tenant].id, &all[&(tenant, kind)])
                .with_context(|| format!("tenant {tenant}, {:?}", KINDS[kind].0))?;
        }
        anyhow::Ok(())
    });
    match ended.await {
        Ok(result) => result,
        Err(_) => bail!("some were not told of everything"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_clients_see_everything_once_whatever_is_killed() {
    World::run(async |world| crowd(world, 18, 40).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn two_hundred_clients_see_everything_once_whatever_is_killed() {
    World::run(async |world| crowd(world, 200, 400).await).await;
}
