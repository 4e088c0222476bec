//! What is printed for shells and for `man`, from the command line as it is declared.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, ValueEnum};
use clap_complete::Shell;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum What {
    Bash,
    Zsh,
    Fish,
    /// The manual page, in roff
    Man,
}

/// Prints it under the name that the program was called by, which a package may choose.
pub(super) fn print(command: &mut Command, what: What) -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let called = Path::new(&called).file_name().and_then(|name| name.to_str());
    let name = called.unwrap_or(command.get_name()).to_owned();
    let mut text = Vec::new();
    let shell = match what {
        What::Bash => Shell::Bash,
        What::Zsh => Shell::Zsh,
        What::Fish => Shell::Fish,
        What::Man => return written(man(command, &name)),
    };
    clap_complete::generate(shell, command, name, &mut text);
    written(Ok(text))
}

fn man(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone().bin_name(name).display_name(name)).render(&mut text)?;
    Ok(text)
}

fn written(text: io::Result<Vec<u8>>) -> ExitCode {
    match text.and_then(|text| io::stdout().write_all(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
