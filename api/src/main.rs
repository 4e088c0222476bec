use std::process::ExitCode;

fn main() -> ExitCode {
    comptoir_api::cli::main()
}
