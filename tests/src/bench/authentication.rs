//! The cost that authentication adds to `GET /api/v1/orders/{id}`.
//!
//! On purpose, there is no API without authentication to compare with. So the query behind the route runs in this process, in
//! two ways. The floor is a principal that needs no authentication: the same transaction, bound to its tenant, with the same
//! statements. The other principal authenticates with an access token or an API key, as in the API: the token is verified, the
//! principal is looked up, and the transaction checks that it is current. The difference in processor time, of this process
//! and of PostgreSQL, is the cost of authentication. It is compared with the cost of the whole request over HTTP, for the API
//! and PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use comptoir_api::config::Settings;
use comptoir_core::accounts::identity::access_tokens::AccessTokens;
use comptoir_core::accounts::principals::Principals;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::{Actor, Credential, CredentialKind, Principal};
use comptoir_core::catalogue;
use comptoir_core::commerce::orders;
use comptoir_core::platform::database::Database;
use comptoir_core::values::ids::{OrderId, SessionId, TenantId, UserId};
use futures::future::try_join_all;
use uuid::Uuid;

use crate::harness::{Api, RUNTIME_ROLE, Services, Tenant, World, address};

use super::report::{Claim, Measurement, Series, Wanted};
use super::usage::{Counters, cpu_of};
use super::{Effort, http_load, outbox, progress};

const CONCURRENCY: u64 = 16;
const TURN: Duration = Duration::from_secs(1);
const BOUND: f64 = 0.15;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let turns = effort.pick(2, 8);
    let mut whole = Series::new("GET /api/v1/orders/{id} over HTTP, with an API key: the API and PostgreSQL");
    let mut floor = Series::new("its query, for a principal whom nobody authenticates");
    let mut token = Series::new("its query, with an access token");
    let mut key = Series::new("its query, with an API key");
    for round in effort.rounds() {
        progress(format!("authentication, round {round}"));
        let bench = Bench::new(services).await?;
        // In short turns, because the speed of a shared machine changes within seconds.
        let mut used = [Used::default(); 4];
        for turn in 0..=turns {
            let turn_of = [
                bench.request(TURN).await?,
                bench.query(Kind::Trusted, TURN).await?,
                bench.query(Kind::Token, TURN).await?,
                bench.query(Kind::ApiKey, TURN).await?,
            ];
            // The first one warms up.
            if turn > 0 {
                for (sum, used) in used.iter_mut().zip(turn_of) {
                    sum.cpu += used.cpu;
                    sum.answered += used.answered;
                }
            }
        }
        for (series, used) in [&mut whole, &mut floor, &mut token, &mut key].into_iter().zip(used) {
            series.push(used.cpu * 1e6 / used.answered as f64);
        }
    }
    let added = |with: &Series| {
        (with.median() - floor.median()) / (whole.median() - (with.median() - floor.median()))
    };
    let claims = [("an access token", &token), ("an API key", &key)].map(|(what, with)| {
        let what = format!("authentication: what {what} adds / the rest of GET /orders/{{id}}");
        Claim::new(what, added(with), "", Wanted::AtMost(BOUND))
    });
    let title = "processor time of reading an order of three lines, 16 at once";
    Ok(vec![Measurement::new(title, "µs/request").series([whole, floor, token, key]).claims(claims)])
}

/// Seconds of processor time, and the number of requests that were answered in them.
#[derive(Clone, Copy, Default)]
struct Used {
    cpu: f64,
    answered: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Trusted,
    Token,
    ApiKey,
}

struct Bench<'a> {
    services: &'a Services,
    /// Declared before `world`, so that it is dropped first.
    api: Api,
    world: World,
    database: TenantDatabase,
    principals: Principals,
    tokens: AccessTokens,
    tenant: Tenant,
    order: OrderId,
    user: UserId,
    session: SessionId,
}

impl<'a> Bench<'a> {
    async fn new(services: &'a Services) -> Result<Self> {
        let world = outbox::fresh(services).await?;
        let tenant = world.tenant().await?.clone();
        let api = Api::start(&world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
        let customer = api.customer("C-1").await?;
        let mut lines = Vec::new();
        for sku in ["A", "B", "C"] {
            let product = api.product(sku).await?;
            lines.push(serde_json::json!({"product_id": product["id"], "quantity": "2"}));
        }
        let body = serde_json::json!({"customer_id": customer["id"], "lines": lines});
        let order = api.created("/orders", &body).await?["id"].as_str().context("no id")?.parse()?;
        let (user, session) = (UserId::generate(), SessionId::generate());
        log_in(&world, &tenant, user, session).await?;
        let settings = Settings::load(
            None,
            &[
                ("database.url", world.database.api_url.clone()),
                ("api.database_role", RUNTIME_ROLE.to_owned()),
            ],
        )?;
        let as_runtime = settings.database.with_role(&settings.api.database_role);
        let database = catalogue::tenant_database(Database::new(&as_runtime)?);
        let principals = Principals::new(database.clone());
        let tokens = AccessTokens::new(&settings.identity)?;
        Ok(Self { services, world, api, database, principals, tokens, tenant, order, user, session })
    }

    /// Measures requests over HTTP.
    async fn request(&self, time: Duration) -> Result<Used> {
        let server = address(self.api.http.root())?.to_owned();
        let path = format!("/api/v1/orders/{}", self.order);
        let pid = self.api.daemon.pid();
        let before = self.used(pid).await?;
        let load = http_load::get(&server, &path, &self.tenant.api_key, CONCURRENCY, time).await?;
        Ok(Used { cpu: self.used(pid).await? - before, answered: load.answered })
    }

    /// Measures the query alone.
    async fn query(&self, kind: Kind, time: Duration) -> Result<Used> {
        let tenant_id = TenantId::from_uuid(self.tenant.id);
        let token = self.tokens.issue(self.user, tenant_id, self.session, Utc::now())?.text;
        let answered = AtomicU64::new(0);
        let before = self.used(std::process::id()).await?;
        let begin = Instant::now();
        try_join_all((0..CONCURRENCY).map(|_| async {
            while begin.elapsed() < time {
                let principal = match kind {
                    Kind::Trusted => Arc::new(self.trusted(tenant_id)),
                    Kind::Token => self.principal(self.by_token(&token)?).await?,
                    Kind::ApiKey => {
                        let credential = self.principals.api_key(&self.tenant.api_key).await?;
                        self.principal(credential.context("the key is unknown")?).await?
                    }
                };
                let order = orders::get(&self.database, &context(principal), self.order).await?;
                if order.lines.len() != 3 {
                    bail!("an order of {} lines", order.lines.len());
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }))
        .await?;
        let cpu = self.used(std::process::id()).await? - before;
        Ok(Used { cpu, answered: answered.load(Ordering::Relaxed) })
    }

    /// Returns the seconds of processor time that process `pid` and PostgreSQL have used so far.
    async fn used(&self, pid: u32) -> Result<f64> {
        let sql = self.world.sql().await?;
        let postgres = Counters::read(self.services, &sql).await?.postgres_cpu;
        Ok(cpu_of(pid)? + postgres.context("PostgreSQL's process is not known")?)
    }

    fn by_token(&self, token: &str) -> Result<Credential> {
        let claims = self.tokens.verify(token)?;
        Ok(Credential { tenant_id: claims.tenant_id, kind: CredentialKind::Session(claims.session_id) })
    }

    async fn principal(&self, credential: Credential) -> Result<Arc<Principal>> {
        self.principals.of(credential).await?.context("the credential does not hold")
    }

    fn trusted(&self, tenant_id: TenantId) -> Principal {
        let actor = Actor::User { user_id: self.user, session_id: Some(self.session) };
        Principal::trusted(
            tenant_id,
            actor,
            "somebody@example.com".to_owned(),
            comptoir_core::values::money::Currency::euro(),
        )
    }
}

fn context(principal: Arc<Principal>) -> RequestContext {
    RequestContext {
        principal,
        required: None,
        target: None,
        correlation_id: String::new(),
        request_id: String::new(),
        traceparent: None,
        client_address: None,
        client_id: None,
    }
}

async fn log_in(world: &World, tenant: &Tenant, user: UserId, session: SessionId) -> Result<()> {
    let id = |uuid: Uuid| uuid.to_string();
    let sql = world.sql().await?;
    let (tenant, user, session) = (id(tenant.id), id(user.uuid()), id(session.uuid()));
    sql.execute(
        "INSERT INTO users
            (tenant_id, id, version, email, folded_email, name, role, email_verified_at, created_at, updated_at)
        SELECT $1::text::uuid, $2::text::uuid, 1, email, email, 'Somebody', 'sales', now(), now(), now()
        FROM (VALUES ('somebody@example.com')) AS somebody (email)",
        &[&tenant, &user],
    )
    .await?;
    sql.execute(
        "INSERT INTO sessions (tenant_id, id, version, user_id, created_at, last_used_at, expires_at)
        VALUES ($1::text::uuid, $3::text::uuid, 1, $2::text::uuid, now(), now(), now() + interval '1 day')",
        &[&tenant, &user, &session],
    )
    .await?;
    sql.batch_execute("VACUUM ANALYZE").await?;
    Ok(())
}
