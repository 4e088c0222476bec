//! The operator's name and confirmation: options of the commands that change or repeat events.

use std::io::{IsTerminal, Write};

use comptoir_core::outbox::operations::Operator;
use comptoir_core::platform::who;

const OPERATOR_CHARS: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct OperatorOptions {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Who decides, for the log of operations; otherwise $USER@host
    #[arg(long, value_name = "NAME", value_parser = operator_name)]
    operator: Option<String>,
}

impl OperatorOptions {
    /// Asks on the terminal. Without a terminal, or with `--yes`, the answer is yes.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        if self.yes || !is_interactive() {
            return true;
        }
        eprint!("{question} [y/N] ");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
    }

    pub(crate) fn operator(&self) -> Operator {
        let name = self.operator.clone().unwrap_or_else(user_at_host);
        Operator { name, host: who::hostname() }
    }
}

/// Returns `user@host`, as far as the environment tells, or else the user's number.
pub(crate) fn user_at_host() -> String {
    who::user_at_host(OPERATOR_CHARS)
}

fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn operator_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > OPERATOR_CHARS {
        return Err(format!("expected 1 to {OPERATOR_CHARS} characters"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        for (answer, meant) in
            [("y\n", true), (" YES\n", true), ("\n", false), ("", false), ("yesterday\n", false)]
        {
            assert_eq!(is_yes(answer), meant, "{answer:?}");
        }
    }

    #[test]
    fn an_operator_has_a_name_that_fits() {
        assert_eq!(operator_name(" ada ").as_deref(), Ok("ada"));
        assert!(operator_name("  ").is_err());
        assert!(operator_name(&"x".repeat(201)).is_err());
    }
}
