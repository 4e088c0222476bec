//! Tasks that are started together and do one thing after the other, in the order of their numbers: invoices are drafted several at a time, and get their own numbers
//! as the file has them.

use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Turns(watch::Sender<u64>);

impl Turns {
    /// The first number is 0.
    pub(super) fn new() -> Self {
        Self(watch::channel(0).0)
    }

    /// Waits until all numbers before this one have passed.
    pub(super) async fn wait(&self, number: u64) {
        let mut turns = self.0.subscribe();
        // It fails only if nobody passes any more.
        let _ = turns.wait_for(|next| *next >= number).await;
    }

    /// Lets the next number do its part. Each number calls it once, whatever became of it.
    pub(super) fn pass(&self) {
        self.0.send_modify(|next| *next += 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn numbers_pass_in_their_order_however_they_come() {
        let (turns, passed) = (Turns::new(), Mutex::new(Vec::new()));
        let (turns, passed) = (&turns, &passed);
        futures::stream::iter(0..20_u64)
            .for_each_concurrent(4, |number| async move {
                for _ in 0..number * 7 % 5 {
                    tokio::task::yield_now().await;
                }
                turns.wait(number).await;
                passed.lock().unwrap().push(number);
                turns.pass();
            })
            .await;
        assert_eq!(*passed.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
