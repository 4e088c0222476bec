//! The `relay` command; everything is in the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// An event's memory is allocated by one thread and freed by another. That costs the relay a third more processor time with
/// the system's allocator, which needs no less memory (docs/performance.md).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    comptoir_relay::cli::main()
}
