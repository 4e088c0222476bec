//! The processor time, memory and write-ahead log that programs use, from /proc and from PostgreSQL's counters.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio_postgres::Client;

use crate::harness::Services;

/// The unit of times in /proc, which Linux keeps independent of its own clock.
const TICKS_PER_SECOND: f64 = 100.0;
/// How often a running program is sampled: its last moments are missed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process's fields of /proc/<pid>/stat.
#[derive(Debug, Clone, Copy)]
struct Stat {
    parent: u32,
    /// The processor time of the process itself.
    own: f64,
    /// The processor time of its children that have ended and were waited for.
    of_the_dead: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, and may contain anything.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (number(11)? + number(12)?) / TICKS_PER_SECOND,
        of_the_dead: (number(13)? + number(14)?) / TICKS_PER_SECOND,
    })
}

/// Returns the seconds of processor time that a process itself has used.
pub(super) fn cpu_of(pid: u32) -> Result<f64> {
    stat(pid).map(|stat| stat.own).with_context(|| format!("process {pid} is gone"))
}

/// Returns the seconds of processor time that a server has used: the process and its descendants, also those that have ended.
fn cpu_of_tree(root: u32) -> Option<f64> {
    let all: HashMap<u32, Stat> = std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    let belongs = |mut pid: u32| {
        while pid != root {
            match all.get(&pid) {
                Some(stat) if stat.parent != 0 => pid = stat.parent,
                _ => return false,
            }
        }
        true
    };
    let times = all.iter().filter(|(pid, _)| belongs(**pid)).map(|(_, stat)| stat.own + stat.of_the_dead);
    Some(times.sum())
}

/// Returns the peak resident memory of a process, in MiB.
pub(super) fn peak_mib(pid: u32) -> Result<f64> {
    memory_mib(pid, "VmHWM:")
}

/// Returns the resident memory of a process, in MiB.
pub(super) fn resident_mib(pid: u32) -> Result<f64> {
    memory_mib(pid, "VmRSS:")
}

fn memory_mib(pid: u32, name: &'static str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context(name)?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// The usage of a program that ran to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ran {
    /// Seconds from its start to its end.
    pub(super) time: f64,
    /// Seconds of processor time.
    pub(super) cpu: f64,
    pub(super) peak_mib: f64,
}

/// Runs a program to its end and returns what it used; fails if the program fails.
pub(super) async fn run(mut command: Command, limit: Duration) -> Result<Ran> {
    let what = format!("{:?}", command.get_program());
    let begin = Instant::now();
    let mut child = tokio::process::Command::from({
        command.stdin(Stdio::null());
        command
    })
    .kill_on_drop(true)
    .spawn()
    .with_context(|| format!("cannot start {what}"))?;
    let pid = child.id().context("it has ended already")?;
    let (mut cpu, mut peak) = (0.0, 0.0);
    loop {
        tokio::select! {
            status = child.wait() => {
                let time = begin.elapsed().as_secs_f64();
                let status = status?;
                ensure!(status.success(), "{what} ended with {status}");
                return Ok(Ran { time, cpu, peak_mib: peak });
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                cpu = cpu_of(pid).unwrap_or(cpu);
                peak = peak_mib(pid).unwrap_or(peak);
            }
        }
        if begin.elapsed() > limit {
            bail!("{what} did not end within {limit:?}");
        }
    }
}

/// Counters of the servers at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters {
    /// Seconds of processor time; `None` if the server's process id is not known.
    pub(super) postgres_cpu: Option<f64>,
    rabbitmq_cpu: Option<f64>,
    wal_bytes: f64,
    transactions: f64,
}

/// The servers' usage between two moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) postgres_cpu: Option<f64>,
    pub(super) rabbitmq_cpu: Option<f64>,
    /// Write-ahead log of the whole server: no other program may be using it.
    pub(super) wal_bytes: f64,
    /// Transactions that were committed in this database. A statement of the relay is a transaction.
    pub(super) transactions: f64,
}

impl Counters {
    /// Reads the counters. `sql` is a connection to the database whose transactions are counted.
    pub(super) async fn read(services: &Services, sql: &Client) -> Result<Self> {
        let row = sql
            .query_one(
                "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::double precision, xact_commit::double precision
                 FROM pg_stat_database WHERE datname = current_database()",
                &[],
            )
            .await?;
        Ok(Self {
            postgres_cpu: services.postgres_pid.and_then(cpu_of_tree),
            rabbitmq_cpu: services.rabbitmq_pid.and_then(cpu_of_tree),
            wal_bytes: row.get(0),
            transactions: row.get(1),
        })
    }

    pub(super) fn until(&self, later: &Self) -> Used {
        let difference = |from: Option<f64>, to: Option<f64>| Some(to? - from?);
        Used {
            postgres_cpu: difference(self.postgres_cpu, later.postgres_cpu),
            rabbitmq_cpu: difference(self.rabbitmq_cpu, later.rabbitmq_cpu),
            wal_bytes: later.wal_bytes - self.wal_bytes,
            transactions: later.transactions - self.transactions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_time_and_memory_and_has_a_parent() {
        let me = std::process::id();
        let begin = cpu_of(me).unwrap();
        while cpu_of(me).unwrap() - begin < 0.02 {
            std::hint::black_box(peak_mib(me).unwrap());
        }
        assert!(peak_mib(me).unwrap() > 1.0);
        assert!(cpu_of_tree(me).unwrap() >= cpu_of(me).unwrap() - 0.02);
        assert_eq!(stat(me).unwrap().parent, std::os::unix::process::parent_id());
    }
}
