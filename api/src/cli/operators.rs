//! `api create-operator` and `api operators`: the accounts of operators, who belong to no company.

use std::io::Write;

use comptoir_core::accounts::identity::passwords::Passwords;
use comptoir_core::accounts::operators::{
    self, CreateOperator, DisableOperator, EnableOperator, NewOperator, OperatorName, OperatorView,
    SetOperatorPassword,
};
use comptoir_core::platform::table::{self, Column};
use comptoir_core::values::contact::Email;
use serde::Serialize;

use super::create_admin::parse;
use super::operator::Operator;
use super::password::{self, Chosen};
use crate::config::Settings;

/// The environment variable with the password, if the password is not read from standard input.
const PASSWORD_VARIABLE: &str = "COMPTOIR_OPERATOR_PASSWORD";
/// The maximum number of rows of the list.
const MAX_ROWS: u32 = 10_000;
const COLUMNS: &[Column; 4] = &[
    Column::text("e-mail", 16),
    Column::whole("status"),
    Column::whole("last log-in"),
    Column::text("name", 8),
];

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// The operator's e-mail address, by which they log in
    #[arg(long, value_name = "ADDRESS", value_parser = parse(Email::parse))]
    email: Email,
    /// The operator's name
    #[arg(long, value_parser = parse(OperatorName::parse))]
    name: OperatorName,
    #[command(flatten)]
    password: PasswordArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct PasswordArgs {
    /// Read the password from the first line of standard input; otherwise it is that of the environment variable
    /// COMPTOIR_OPERATOR_PASSWORD, or one is made and printed
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Operators {
    /// List operator accounts
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Disable an operator, and end their sessions at once
    Disable(Named),
    /// Enable an operator again
    Enable(Named),
    /// Set an operator's password, and end their sessions
    SetPassword {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        password: PasswordArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The operator's e-mail address
    #[arg(value_name = "EMAIL", value_parser = parse(Email::parse))]
    email: Email,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// An operator, and the password if it was made here.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    operator: OperatorView,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

pub(super) async fn create(arguments: Create, settings: &Settings) -> anyhow::Result<()> {
    let Create { email, name, password, json } = arguments;
    let Chosen { password, made } = password::choose(password.password_stdin, PASSWORD_VARIABLE, &email)?;
    let password = Passwords::new(&settings.identity)?.hash(password).await?;
    let command = CreateOperator { operator: NewOperator { email, name, password } };
    let operator = Operator::new(settings)?.run_for_operators(command).await?;
    print(&Shown { operator, password: made }, json)
}

pub(super) async fn run(command: Operators, settings: &Settings) -> anyhow::Result<()> {
    let operator = Operator::new(settings)?;
    match command {
        Operators::List { json } => list(&operator, json).await,
        Operators::Disable(Named { email, json }) => {
            let command = DisableOperator { email: email.folded() };
            shown(operator.run_for_operators(command).await?, json)
        }
        Operators::Enable(Named { email, json }) => {
            let command = EnableOperator { email: email.folded() };
            shown(operator.run_for_operators(command).await?, json)
        }
        Operators::SetPassword { named: Named { email, json }, password } => {
            let Chosen { password, made } =
                password::choose(password.password_stdin, PASSWORD_VARIABLE, &email)?;
            let password = Passwords::new(&settings.identity)?.hash(password).await?;
            let command = SetOperatorPassword { email: email.folded(), password };
            let operator = operator.run_for_operators(command).await?;
            print(&Shown { operator, password: made }, json)
        }
    }
}

async fn list(operator: &Operator, json: bool) -> anyhow::Result<()> {
    let operators = operators::list(&operator.database, &operator.of_operators(), MAX_ROWS).await?;
    if json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&operators)?)?;
        return Ok(());
    }
    let row = |one: &OperatorView| {
        let last = one.last_login_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
        vec![one.email.clone(), one.status.to_owned(), last, one.name.clone()]
    };
    table::print(COLUMNS, &operators.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

fn shown(operator: OperatorView, json: bool) -> anyhow::Result<()> {
    print(&Shown { operator, password: None }, json)
}

fn print(shown: &Shown, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string(shown)?)?;
        return Ok(());
    }
    let Shown { operator, password } = shown;
    writeln!(out, "operator  {} {}: {}", operator.id, operator.email, operator.status)?;
    if let Some(password) = password {
        writeln!(out, "password  {password}")?;
        eprintln!("secrets are shown this once: keep them in a safe place");
    }
    Ok(())
}
