//! Writes to standard output, whose reader may be slow or gone.

use std::io::Write;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Writes the whole text; with colours only on a terminal. Uses a blocking thread, because the reader may pause for hours, and
/// a signal must still end this program. Returns false if the output is closed.
pub(crate) async fn write(text: String) -> bool {
    let written = tokio::task::spawn_blocking(move || {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    matches!(written.await, Ok(Ok(())))
}

/// Whether the reader of a pipe has gone away. Does not write.
pub(crate) fn is_closed() -> bool {
    let out = std::io::stdout();
    // `poll` always reports errors.
    let mut watched = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut watched, Some(&at_once)).is_ok() && watched[0].revents().contains(PollFlags::ERR)
}
