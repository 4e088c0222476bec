//! The schedule of faults, which the seed alone determines, before anything starts.

use std::fmt::{self, Write};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::faults::{Direction, End, Fault, Side, Strike};

/// The time of a round besides its faults: servers start, and replicas share the shards again.
const RECOVERY: Duration = Duration::from_secs(3);

/// Faults that overlap; then a pause, until everything has recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    /// The strikes, each with its beginning from the start of the round.
    pub(super) strikes: Vec<(Duration, Strike)>,
}

impl Round {
    fn length(&self) -> Duration {
        self.strikes.iter().map(|(after, strike)| *after + strike.lasting).max().unwrap_or_default()
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (after, strike)) in self.strikes.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}at {:.1} s {strike}", after.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Returns rounds for about this duration.
pub(super) fn of(seed: u64, duration: Duration, replicas: usize) -> Vec<Round> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut rounds = Vec::new();
    let mut planned = Duration::ZERO;
    while planned < duration {
        let round = round(&mut random, replicas);
        planned += round.length() + RECOVERY;
        rounds.push(round);
    }
    rounds
}

pub(super) fn describe(rounds: &[Round]) -> String {
    rounds.iter().enumerate().fold(String::new(), |mut text, (number, round)| {
        let _ = writeln!(text, "  {:>3}. {round}", number + 1);
        text
    })
}

fn round(random: &mut StdRng, replicas: usize) -> Round {
    let strikes = match random.random_range(0..100) {
        0..45 => vec![(Duration::ZERO, strike(random, replicas))],
        45..85 => (0..random.random_range(2..=4))
            .map(|_| (millis(random, 0, 2500), strike(random, replicas)))
            .collect(),
        // A storm: replicas are killed faster than they can share the shards.
        _ => (0..random.random_range(4..=8))
            .map(|number| {
                let killed = Strike {
                    fault: Fault::Killed,
                    replica: random.random_range(0..replicas),
                    lasting: millis(random, 0, 300),
                };
                (Duration::from_millis(700) * number, killed)
            })
            .collect(),
    };
    Round { strikes }
}

fn strike(random: &mut StdRng, replicas: usize) -> Strike {
    let side = if random.random_range(0..2) == 0 { Side::Broker } else { Side::Database };
    let (fault, shortest_ms, longest_ms) = match random.random_range(0..100) {
        0..16 => (Fault::Killed, 0, 4000),
        16..26 => (Fault::Terminated, 0, 1500),
        // Some shorter than a lease, most of them longer.
        26..34 => (Fault::Stalled, 1000, 8000),
        34..39 => (Fault::Joined, 500, 5000),
        39..46 => (Fault::Cut(side), 200, 5000),
        46..64 => {
            let direction =
                [Direction::Requests, Direction::Answers, Direction::Both][random.random_range(0..3)];
            let end = if random.random_range(0..2) == 0 { End::Lost } else { End::Late };
            (Fault::BlackHole(side, direction, end), 300, 9000)
        }
        64..72 => (Fault::Stranded(side), 1000, 4000),
        72..78 => (Fault::Slow(side, random.random_range(5..200)), 1000, 4000),
        78..84 => (Fault::SessionsTerminated, 0, 500),
        84..90 => (Fault::DatabaseCrashed, 0, 4000),
        90..94 => (Fault::BrokerKilled, 0, 2000),
        94..96 => (Fault::BrokerRestarted, 0, 1000),
        _ => (Fault::Alarm, 500, 6000),
    };
    Strike {
        fault,
        replica: random.random_range(0..replicas),
        lasting: millis(random, shortest_ms, longest_ms),
    }
}

fn millis(random: &mut StdRng, shortest: u64, longest: u64) -> Duration {
    Duration::from_millis(random.random_range(shortest..=longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_schedule_and_another_seed_another() {
        let of = |seed| of(seed, Duration::from_secs(120), 3);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn a_long_schedule_has_every_fault_in_it() {
        let rounds = of(1, Duration::from_secs(3600), 3);
        let mut names: Vec<_> = rounds
            .iter()
            .flat_map(|round| &round.strikes)
            .map(|(_, strike)| match strike.fault {
                Fault::Slow(side, _) => Fault::Slow(side, 0).to_string(),
                other => other.to_string(),
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        // 7 of replicas and sessions, 4 of servers… by side: cut, stranded, slow, six black holes.
        assert_eq!(names.len(), 9 + 2 * 9, "{names:?}");
    }
}
