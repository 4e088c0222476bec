//! The `relay` command; everything is in the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// An event's memory is allocated by one thread and freed by another. With the system's allocator this costs the relay a third
/// more processor time, and saves no memory (docs/performance.md).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    comptoir_relay::cli::main()
}
