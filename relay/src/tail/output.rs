//! Standard output that may be slow, or gone.

use std::io::Write;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Writes all of it; colours only on a terminal. Not on a thread of the runtime: whoever reads may pause for hours,
/// and a signal must end this program all the same. False if nobody reads any more.
pub(super) async fn write(text: String) -> bool {
    let written = tokio::task::spawn_blocking(move || {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    matches!(written.await, Ok(Ok(())))
}

/// Whether the reader of a pipe has gone away, without having to write.
pub(super) fn is_closed() -> bool {
    let out = std::io::stdout();
    // Errors are reported whether they are asked for or not.
    let mut watched = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut watched, Some(&at_once)).is_ok() && watched[0].revents().contains(PollFlags::ERR)
}
