//! Looks at the outbox from outside the drain loop, again and again: they cost what is there, and must not be what slows it down.

use std::time::Duration;

use comptoir_core::outbox;
use comptoir_core::platform::database::{self, DatabaseConfig};
use diesel_async::AsyncPgConnection;

use crate::answer_timeout::answered;
use crate::error::DatabaseFault;

/// The shortest pause between two looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many times as long as a look the pause behind it is.
const PAUSE_PER_LOOK: u32 = 10;

/// Opens a connection whose plans do not depend on what the planner believes of the outbox.
pub(crate) async fn connect(config: &DatabaseConfig) -> Result<AsyncPgConnection, DatabaseFault> {
    let mut connection = database::connect(config).await?;
    answered(config, outbox::prepare_reader(&mut connection)).await?;
    Ok(connection)
}

/// How long to pause behind a look that took so long.
pub(crate) fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(PAUSE_PER_LOOK).max(LOOK_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_take_a_tenth_of_the_time_at_most() {
        assert_eq!(pause_after(Duration::from_millis(3)), LOOK_EVERY);
        assert_eq!(pause_after(Duration::from_secs(2)), Duration::from_secs(20));
    }
}
