//! `api create-admin`: creates a company and its first administrator, or one more administrator of an existing company.

use std::io::Write;

use anyhow::Context;
use comptoir_core::accounts::api_keys::{ApiKeyDetails, ApiKeyName, CreateApiKey};
use comptoir_core::accounts::identity::passwords::Passwords;
use comptoir_core::accounts::identity::secrets::ApiKeyText;
use comptoir_core::accounts::tenants::{
    self, CreateTenant, CreatedTenant, CreditLimitAction, ShortName, TenantDetails, TenantError,
    TenantInvoicing, TenantName, TimeZone,
};
use comptoir_core::accounts::users::{Adjustments, NewUser, RegisterUser, UserName, UserView};
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::{PermissionSet, Role};
use comptoir_core::values::contact::{Email, VatNumber};
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::language::Language;
use comptoir_core::values::money::Currency;
use comptoir_core::values::registration::Registration;
use serde::Serialize;
use uuid::Uuid;

use super::operator::Operator;
use super::password::{self, Chosen};
use crate::config::Settings;

/// The environment variable with the password, if the password is not read from standard input.
const PASSWORD_VARIABLE: &str = "COMPTOIR_ADMIN_PASSWORD";
/// The last number that is tried after a short name that is taken.
const MAX_NUMBER: u32 = 99;

#[derive(Debug, clap::Args)]
pub(super) struct CreateAdmin {
    /// The administrator's e-mail address, which is taken to be verified
    #[arg(long, value_name = "ADDRESS", value_parser = parse(Email::parse))]
    email: Email,
    /// The administrator's name
    #[arg(long, value_parser = parse(UserName::parse))]
    name: UserName,
    /// Make a company of this name
    #[arg(long, value_name = "NAME", value_parser = parse(TenantName::parse), required_unless_present = "tenant")]
    tenant_name: Option<TenantName>,
    /// What people name the company by when they log in: lower-case letters, digits and single hyphens, unique, never changed
    /// [default: made from --tenant-name, with a number behind it where it is taken]
    #[arg(long, value_name = "SHORT_NAME", value_parser = parse(ShortName::parse))]
    tenant_short_name: Option<ShortName>,
    /// An administrator for the company with this id, which is there already
    #[arg(long, value_name = "ID", conflicts_with_all = ["tenant_name", "tenant_short_name", "registration", "vat_number", "currency", "time_zone"])]
    tenant: Option<TenantId>,
    #[command(flatten)]
    registration: RegistrationArgs,
    #[arg(long, value_name = "NUMBER", value_parser = parse(VatNumber::parse))]
    vat_number: Option<VatNumber>,
    /// The company's currency (ISO 4217), which never changes [default: EUR]
    #[arg(long, value_name = "CODE", value_parser = parse(Currency::parse))]
    currency: Option<Currency>,
    /// The company's time zone (IANA) [default: Europe/Paris]
    #[arg(long, value_name = "NAME", value_parser = parse(TimeZone::parse))]
    time_zone: Option<TimeZone>,
    /// Read the password from the first line of standard input; otherwise it is that of the environment variable
    /// COMPTOIR_ADMIN_PASSWORD, or one is made and printed
    #[arg(long)]
    password_stdin: bool,
    /// Make an API key of this name with every permission, too, and print it
    #[arg(long, value_name = "NAME", value_parser = parse(ApiKeyName::parse))]
    api_key: Option<ApiKeyName>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl CreateAdmin {
    /// Checks the arguments against each other.
    pub(super) fn check(&self) -> Result<(), String> {
        TenantDetails::check_vat_number(self.registration.number(), self.vat_number.as_ref())
            .map_err(|invalid| format!("--vat-number: {}", invalid.message))
    }
}

impl RegistrationArgs {
    fn number(&self) -> Option<&Registration> {
        self.siren.as_ref().or(self.siret.as_ref()).or(self.foreign_registration.as_ref())
    }
}

#[derive(Debug, clap::Args)]
#[group(id = "registration", multiple = false)]
struct RegistrationArgs {
    /// The company's SIREN
    #[arg(long, value_name = "NUMBER", value_parser = parse(|text| Registration::parse("siren", text)))]
    siren: Option<Registration>,
    /// The company's SIRET
    #[arg(long, value_name = "NUMBER", value_parser = parse(|text| Registration::parse("siret", text)))]
    siret: Option<Registration>,
    /// The company's number in a register of another country
    #[arg(long, value_name = "NUMBER", value_parser = parse(|text| Registration::parse("foreign", text)))]
    foreign_registration: Option<Registration>,
}

/// Adapts a parser for clap.
pub(super) fn parse<T>(
    parse: impl Fn(&str) -> Result<T, Invalid> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| parse(text).map_err(|invalid| invalid.message)
}

#[derive(Serialize)]
struct Created {
    tenant_id: Uuid,
    tenant_short_name: String,
    user_id: Uuid,
    email: String,
    /// The password, if it was made here; shown this once.
    password: Option<String>,
    /// Shown this once.
    api_key: Option<String>,
}

pub(super) async fn run(arguments: CreateAdmin, settings: &Settings) -> anyhow::Result<()> {
    let Chosen { password, made } =
        password::choose(arguments.password_stdin, PASSWORD_VARIABLE, &arguments.email)?;
    let administrator = NewUser {
        email: arguments.email.clone(),
        name: arguments.name.clone(),
        role: Role::Admin,
        adjustments: Adjustments::default(),
        password: Some(Passwords::new(&settings.identity)?.hash(password).await?),
        is_verified: true,
    };
    let operator = Operator::new(settings)?;
    let (json, key_name) = (arguments.json, arguments.api_key.clone());
    let Made { context, short_name, user } = match arguments.tenant {
        Some(tenant) => join(&operator, tenant, administrator).await?,
        None => create_tenant(&operator, arguments, administrator).await?,
    };
    let tenant_id = context.tenant_id().uuid();
    let api_key = match key_name {
        Some(name) => Some(create_key(&operator, context, name).await?),
        None => None,
    };
    let created = Created {
        tenant_id,
        tenant_short_name: short_name,
        user_id: user.id.uuid(),
        email: user.email,
        password: made,
        api_key,
    };
    print(&created, json)
}

/// A new administrator, and the company.
struct Made {
    context: RequestContext,
    short_name: String,
    user: UserView,
}

async fn join(operator: &Operator, tenant: TenantId, user: NewUser) -> anyhow::Result<Made> {
    let context = operator.context(tenant, Currency::euro());
    let company = tenants::get(&operator.database, &context).await?;
    let context = operator.context(tenant, Currency::parse(&company.currency).map_err(unexpected)?);
    let user = operator.run(context.clone(), RegisterUser { user }).await?;
    Ok(Made { context, short_name: company.short_name, user })
}

async fn create_tenant(
    operator: &Operator,
    arguments: CreateAdmin,
    administrator: NewUser,
) -> anyhow::Result<Made> {
    let name = arguments.tenant_name.context("--tenant-name is missing")?;
    let given = arguments.tenant_short_name;
    let short_name = given.clone().unwrap_or_else(|| ShortName::derived(&name));
    let details = TenantDetails {
        registration: arguments.registration.number().cloned(),
        name,
        vat_number: arguments.vat_number,
        address: None,
        time_zone: match arguments.time_zone {
            Some(zone) => zone,
            None => TimeZone::parse("Europe/Paris").map_err(unexpected)?,
        },
        language: Language::default(),
        email_from: None,
        email_reply_to: None,
        credit_limit_action: CreditLimitAction::default(),
        invoicing: TenantInvoicing::default(),
    };
    let currency = arguments.currency.unwrap_or_else(Currency::euro);
    let context = operator.context(TenantId::generate(), currency.clone());
    let command = CreateTenant { short_name, details, currency, administrator };
    let created = match given {
        Some(_) => operator.run(context.clone(), command).await?,
        None => create_under_a_free_name(operator, &context, command).await?,
    };
    Ok(Made { context, short_name: created.tenant.short_name, user: created.administrator })
}

/// Creates a company under the first free short name: the one in `command`, or else that name with a number after it.
async fn create_under_a_free_name(
    operator: &Operator,
    context: &RequestContext,
    command: CreateTenant,
) -> anyhow::Result<CreatedTenant> {
    let numbered = (2..=MAX_NUMBER).map(|number| command.short_name.numbered(number));
    for short_name in std::iter::once(command.short_name.clone()).chain(numbered) {
        let attempt = CreateTenant { short_name, ..command.clone() };
        match operator.run(context.clone(), attempt).await {
            Err(error) if is_short_name_taken(&error) => {}
            result => return result,
        }
    }
    anyhow::bail!("{} and its numbers are taken: choose one with --tenant-short-name", command.short_name)
}

fn is_short_name_taken(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<Error>().and_then(Error::refusal), Some(TenantError::ShortNameTaken(_)))
}

/// Creates a key with every permission, and returns its text.
async fn create_key(
    operator: &Operator,
    context: RequestContext,
    name: ApiKeyName,
) -> anyhow::Result<String> {
    let text = ApiKeyText::generate();
    let shown = text.expose().to_owned();
    let details = ApiKeyDetails { name, permissions: PermissionSet::all(), expires_at: None };
    operator.run(context, CreateApiKey { details, text }).await?;
    Ok(shown)
}

fn unexpected(invalid: Invalid) -> anyhow::Error {
    anyhow::anyhow!(invalid.message)
}

fn print(created: &Created, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string(created)?)?;
        return Ok(());
    }
    writeln!(out, "tenant    {} {}", created.tenant_id, created.tenant_short_name)?;
    writeln!(out, "user      {} {}", created.user_id, created.email)?;
    if let Some(password) = &created.password {
        writeln!(out, "password  {password}")?;
    }
    if let Some(key) = &created.api_key {
        writeln!(out, "API key   {key}")?;
    }
    if created.password.is_some() || created.api_key.is_some() {
        eprintln!("secrets are shown this once: keep them in a safe place");
    }
    Ok(())
}
