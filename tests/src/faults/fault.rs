//! The catalogue of faults. Each lasts for a bounded time and leaves the stage as it was: the same number of replicas, running
//! servers, and a network that passes data.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::harness::{PrivateServices, Proxy, Relay, until};

use super::stage::{Replica, Stage};

const STOP_LIMIT: Duration = Duration::from_secs(30);
const SESSION_LIMIT: Duration = Duration::from_secs(30);

/// The connection that a fault of the network affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Broker,
    Database,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Requests,
    Answers,
    Both,
}

/// The treatment of the bytes that a black hole swallowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Their connections are ended.
    Lost,
    /// They arrive late.
    Late,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to a replica; another process takes its place at the end.
    Killed,
    /// SIGTERM to a replica; another process takes its place at the end.
    Terminated,
    /// SIGSTOP to a replica, SIGCONT at the end.
    Stalled,
    /// One replica more, which leaves at the end.
    Joined,
    /// Connections are cut and refused.
    Cut(Side),
    /// Nothing passes, and neither side is notified.
    BlackHole(Side, Direction, End),
    /// The connections that are open now are silent for ever; new ones work.
    Stranded(Side),
    /// Everything arrives this many milliseconds late.
    Slow(Side, u16),
    /// Every database session of the relays is ended.
    SessionsTerminated,
    /// The database server ends without writing anything down, and is started again.
    DatabaseCrashed,
    /// SIGKILL to the broker, which is then started again.
    BrokerKilled,
    /// The broker is stopped in order, and started again.
    BrokerRestarted,
    /// The broker's memory alarm.
    Alarm,
}

/// A fault, its place, and its duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub fault: Fault,
    /// The replica, for faults of one replica.
    pub replica: usize,
    pub lasting: Duration,
}

impl Fault {
    /// Whether it is a fault of one replica alone.
    pub fn is_of_a_replica(self) -> bool {
        !matches!(
            self,
            Self::Joined
                | Self::SessionsTerminated
                | Self::DatabaseCrashed
                | Self::BrokerKilled
                | Self::BrokerRestarted
                | Self::Alarm
        )
    }

    /// Whether the relay promises that no event is published twice because of it.
    pub fn promises_no_repeats(self) -> bool {
        matches!(
            self,
            Self::Terminated | Self::Joined | Self::Slow(..) | Self::SessionsTerminated | Self::Alarm
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = |direction| match direction {
            Direction::Requests => "requests",
            Direction::Answers => "answers",
            Direction::Both => "requests and answers",
        };
        match self {
            Self::Killed => write!(f, "SIGKILL"),
            Self::Terminated => write!(f, "SIGTERM"),
            Self::Stalled => write!(f, "SIGSTOP"),
            Self::Joined => write!(f, "one replica more"),
            Self::Cut(side) => write!(f, "cut off from the {side}"),
            Self::BlackHole(side, way, End::Lost) => write!(f, "{side}: {} swallowed", direction(*way)),
            Self::BlackHole(side, way, End::Late) => write!(f, "{side}: {} late", direction(*way)),
            Self::Stranded(side) => write!(f, "{side}: connections stranded"),
            Self::Slow(side, delay_ms) => write!(f, "{side}: {delay_ms} ms slower"),
            Self::SessionsTerminated => write!(f, "database sessions terminated"),
            Self::DatabaseCrashed => write!(f, "database crash"),
            Self::BrokerKilled => write!(f, "broker killed"),
            Self::BrokerRestarted => write!(f, "broker restarted"),
            Self::Alarm => write!(f, "memory alarm"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broker => "broker",
            Self::Database => "database",
        })
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fault.is_of_a_replica() {
            write!(f, "replica {}: ", self.replica)?;
        }
        write!(f, "{} for {:.1} s", self.fault, self.lasting.as_secs_f64())
    }
}

impl Stage {
    /// Lets a fault happen, and ends it. Concurrent faults of different parts overlap; those of the same part wait for each
    /// other.
    ///
    /// # Errors
    /// Fails if the fault itself cannot be made.
    pub async fn suffer(&self, strike: Strike) -> Result<()> {
        let Strike { fault, replica, lasting } = strike;
        let replica = self.replicas.get(replica).context("no such replica")?;
        match fault {
            Fault::Killed => {
                let mut relay = replica.relay.lock().await;
                relay.daemon.kill()?;
                tokio::time::sleep(lasting).await;
                *relay = replica.launch(&self.world)?;
            }
            Fault::Terminated => {
                let mut relay = replica.relay.lock().await;
                stop(&mut relay).await?;
                tokio::time::sleep(lasting).await;
                *relay = replica.launch(&self.world)?;
            }
            Fault::Stalled => {
                let relay = replica.relay.lock().await;
                relay.daemon.signal(Signal::SIGSTOP)?;
                tokio::time::sleep(lasting).await;
                relay.daemon.signal(Signal::SIGCONT)?;
            }
            Fault::Joined => {
                let mut relay = self.replicas[0].launch(&self.world)?;
                tokio::time::sleep(lasting).await;
                stop(&mut relay).await?;
            }
            Fault::Cut(side) => network(replica, side, lasting, |proxy| proxy.cut(), End::Lost).await,
            Fault::BlackHole(side, direction, end) => {
                let swallow = |proxy: &Proxy| {
                    if direction != Direction::Answers {
                        proxy.swallow_requests();
                    }
                    if direction != Direction::Requests {
                        proxy.swallow_answers();
                    }
                };
                network(replica, side, lasting, swallow, end).await;
            }
            Fault::Stranded(side) => {
                let link = replica.link(side);
                let _one_at_a_time = link.at_fault.lock().await;
                link.proxy.strand();
                tokio::time::sleep(lasting).await;
            }
            Fault::Slow(side, delay_ms) => {
                let delay = Duration::from_millis(u64::from(delay_ms));
                network(replica, side, lasting, |proxy| proxy.delay(delay), End::Late).await;
            }
            Fault::SessionsTerminated => self.terminate_sessions().await?,
            Fault::DatabaseCrashed => {
                let mut server = self.private_database()?.lock().await;
                tokio::task::block_in_place(|| server.stop_immediately())?;
                tokio::time::sleep(lasting).await;
                self.restart(&mut server).await?;
            }
            Fault::BrokerKilled => self.broker_down(PrivateServices::kill, lasting).await?,
            Fault::BrokerRestarted => self.broker_down(PrivateServices::stop, lasting).await?,
            Fault::Alarm => {
                let server = self.private_broker()?.lock().await;
                tokio::task::block_in_place(|| server.raise_alarm())?;
                tokio::time::sleep(lasting).await;
                tokio::task::block_in_place(|| server.end_alarm())?;
            }
        }
        Ok(())
    }

    async fn broker_down(
        &self,
        end: impl FnOnce(&PrivateServices) -> Result<()>,
        lasting: Duration,
    ) -> Result<()> {
        let mut server = self.private_broker()?.lock().await;
        tokio::task::block_in_place(|| end(&server))?;
        tokio::time::sleep(lasting).await;
        self.restart(&mut server).await
    }

    async fn terminate_sessions(&self) -> Result<()> {
        // Not while the server itself is down.
        let _server = match &self.database {
            Some(server) => Some(server.lock().await),
            None => None,
        };
        let sql = self.world.administrator().await?;
        until("sessions of relays to end", SESSION_LIMIT, async || {
            let ended = sql
                .execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'comptoir'",
                    &[],
                )
                .await?;
            ensure!(ended > 0, "there are none");
            Ok(())
        })
        .await
    }
}

/// Stops the relay; fails if it does not end cleanly.
async fn stop(relay: &mut Relay) -> Result<()> {
    let status = relay.daemon.terminate(STOP_LIMIT).await?;
    ensure!(status.success(), "the relay ended with {status}: {}", relay.daemon.output());
    Ok(())
}

async fn network(replica: &Replica, side: Side, lasting: Duration, begin: impl FnOnce(&Proxy), end: End) {
    let link = replica.link(side);
    let _one_at_a_time = link.at_fault.lock().await;
    begin(&link.proxy);
    tokio::time::sleep(lasting).await;
    match end {
        End::Lost => link.proxy.heal(),
        End::Late => link.proxy.resume(),
    }
}
