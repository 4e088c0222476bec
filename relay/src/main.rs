//! The `relay` command; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    comptoir_relay::cli::main()
}
