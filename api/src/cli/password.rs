//! The password of an account that is made at the command line: given, or made here.

use std::io::BufRead;

use anyhow::Context;
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::values::contact::Email;
use uuid::Uuid;

/// The maximum length in bytes of a line of standard input with a password.
const MAX_LINE: u64 = 4096;

pub(super) struct Chosen {
    pub(super) password: Password,
    /// Its text, if it was made here; to be shown once.
    pub(super) made: Option<String>,
}

/// Returns the password for an account with this address: the first line of standard input, or what the environment
/// variable says, or one that is made.
///
/// # Errors
/// Fails if the password may not be chosen, or cannot be read.
pub(super) fn choose(from_stdin: bool, variable: &'static str, email: &Email) -> anyhow::Result<Chosen> {
    let given = given(from_stdin, variable)?;
    // 122 random bits.
    let made = given.is_none().then(|| Uuid::new_v4().simple().to_string());
    let text = given.or_else(|| made.clone()).unwrap_or_default();
    let password = Password::chosen(&text, email)
        .map_err(|invalid| anyhow::anyhow!("the password cannot be used: {}", invalid.message))?;
    Ok(Chosen { password, made })
}

fn given(from_stdin: bool, variable: &'static str) -> anyhow::Result<Option<String>> {
    if from_stdin {
        let mut line = String::new();
        let mut input = std::io::Read::take(std::io::stdin().lock(), MAX_LINE);
        input.read_line(&mut line).context("cannot read the password from standard input")?;
        return Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()));
    }
    match std::env::var(variable) {
        Ok(password) => Ok(Some(password)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).context(variable),
    }
}
