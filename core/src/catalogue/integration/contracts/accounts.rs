//! Examples of the events of companies, users, sessions and API keys.

use chrono::TimeDelta;

use super::super::api_keys::{ApiKeyCreatedV1, ApiKeyRevokedV1};
use super::super::sessions::{SessionCreatedV1, SessionEndedV1};
use super::super::tenants::{TenantCreatedV1, TenantUpdatedV1};
use super::super::users::{
    UserDisabledV1, UserEmailVerifiedV1, UserEnabledV1, UserLoggedInV1, UserLoggedOutV1,
    UserPasswordChangedV1, UserPermissionChangedV1, UserRegisteredV1, UserRoleChangedV1, UserUpdatedV1,
};
use super::examples::{Contracts, address, at, happened, uuid};
use super::schema::contract;
use crate::accounts::api_keys::{ApiKey, ApiKeyDetails, ApiKeyName};
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::sessions::{Client, EndReason, Lifetimes, Session};
use crate::accounts::tenants::{
    CreditLimitAction, ShortName, Tenant, TenantDetails, TenantInvoicing, TenantName, TimeZone,
};
use crate::accounts::users::{Adjustments, Decider, NewUser, User, UserName};
use crate::application::events::Event;
use crate::application::{Permission, PermissionSet, Role};
use crate::values::contact::{Email, VatNumber};
use crate::values::ids::{ApiKeyId, PrincipalId, SessionId, TenantId, UserId};
use crate::values::language::Language;
use crate::values::money::{Currency, Money};
use crate::values::party::{ElectronicAddress, LegalForm, TradeRegister};
use crate::values::registration::Registration;

pub(super) fn add_to(contracts: &mut Contracts) {
    let (mut company, created) = tenant();
    contracts.add(created, contract::<TenantCreatedV1>);
    let renamed =
        TenantDetails { name: TenantName::parse("Les Docks").expect("valid"), ..company.details().clone() };
    contracts.add(
        happened(company.update(renamed, at(1)).expect("lawful").expect("a change")),
        contract::<TenantUpdatedV1>,
    );

    let (mut ada, registered) = user();
    contracts.add(registered, contract::<UserRegisteredV1>);
    let verified = ada.verify_email(at(1)).expect("not disabled");
    contracts.add(happened(verified.expect("a change")), contract::<UserEmailVerifiedV1>);
    let password = HashedPassword::stored("$argon2id$…".to_owned());
    let changed = ada.change_password(password, at(2)).expect("not disabled");
    contracts.add(happened(changed), contract::<UserPasswordChangedV1>);
    let session = SessionId::from_uuid(uuid(7));
    contracts.add(happened(ada.log_in(session, at(3)).expect("active")), contract::<UserLoggedInV1>);
    let name = UserName::parse("Ada Martin-Leroy").expect("valid");
    let renamed = ada.rename(name, decider(), at(4)).expect("allowed");
    contracts.add(happened(renamed.expect("a change")), contract::<UserUpdatedV1>);
    let promoted = ada.change_role(Role::Sales, decider(), at(5)).expect("allowed");
    contracts.add(happened(promoted.expect("a change")), contract::<UserRoleChangedV1>);
    let shipping = PermissionSet::of(&[Permission::OrdersShip]);
    let adjustments = Adjustments::new(shipping, PermissionSet::EMPTY).expect("valid");
    let adjusted = ada.change_permissions(adjustments, decider(), at(6)).expect("allowed");
    contracts.add(happened(adjusted.expect("a change")), contract::<UserPermissionChangedV1>);
    contracts.add(happened(ada.log_out(session, at(7))), contract::<UserLoggedOutV1>);
    contracts.add(happened(ada.disable(decider(), at(8)).expect("allowed")), contract::<UserDisabledV1>);
    contracts.add(happened(ada.enable(decider(), at(9)).expect("allowed")), contract::<UserEnabledV1>);
    let (mut a_session, begun) = begun_session();
    contracts.add(begun, contract::<SessionCreatedV1>);
    contracts.add(
        happened(a_session.end(EndReason::LoggedOut, at(300)).expect("open")),
        contract::<SessionEndedV1>,
    );

    let (mut a_key, created) = api_key();
    contracts.add(created, contract::<ApiKeyCreatedV1>);
    contracts.add(happened(a_key.revoke(at(300)).expect("not revoked")), contract::<ApiKeyRevokedV1>);
}

fn tenant() -> (Tenant, Box<dyn Event>) {
    let details = TenantDetails {
        name: TenantName::parse("Comptoir des Docks").expect("valid"),
        registration: Some(Registration::parse("siret", "73282932000074").expect("valid")),
        vat_number: Some(VatNumber::parse("FR44732829320").expect("valid")),
        address: Some(address()),
        time_zone: TimeZone::parse("Europe/Paris").expect("valid"),
        language: Language::Fr,
        email_from: None,
        email_reply_to: None,
        credit_limit_action: CreditLimitAction::Refuse,
        invoicing: TenantInvoicing {
            legal_form: LegalForm::parse("SAS").ok(),
            share_capital: Money::parse("10000.00").ok(),
            trade_register: TradeRegister::parse("RCS Nantes").ok(),
            electronic_address: ElectronicAddress::new("0225", "732829320").ok(),
            ..TenantInvoicing::default()
        },
    };
    let short_name = ShortName::parse("docks").expect("valid");
    let (tenant, event) =
        Tenant::create(TenantId::from_uuid(uuid(5)), short_name, details, Currency::euro(), at(0));
    (tenant, happened(event))
}

/// Returns a decider who is not the user, and has every permission.
fn decider() -> Decider {
    Decider { by: None, held: PermissionSet::all(), has_other_administrators: true }
}

fn user() -> (User, Box<dyn Event>) {
    let new = NewUser {
        email: Email::parse("ada@docks.example").expect("valid"),
        name: UserName::parse("Ada Martin").expect("valid"),
        role: Role::Warehouse,
        adjustments: Adjustments::default(),
        password: None,
        is_verified: false,
    };
    let (user, event) = User::register(UserId::from_uuid(uuid(6)), new, decider(), at(0)).expect("allowed");
    (user, happened(event))
}

fn begun_session() -> (Session, Box<dyn Event>) {
    let lifetimes = Lifetimes { refresh: TimeDelta::days(30), session: TimeDelta::days(90) };
    let (id, user) = (SessionId::from_uuid(uuid(7)), UserId::from_uuid(uuid(6)));
    let (session, event) = Session::begin(id, user, Client::default(), lifetimes, at(0));
    (session, happened(event))
}

fn api_key() -> (ApiKey, Box<dyn Event>) {
    let permissions = PermissionSet::of(&[Permission::OrdersRead, Permission::OrdersWrite]);
    let details = ApiKeyDetails {
        name: ApiKeyName::parse("Web shop").expect("valid"),
        permissions,
        expires_at: Some(at(31_536_000)),
    };
    let (id, by) = (ApiKeyId::from_uuid(uuid(8)), PrincipalId::from_uuid(uuid(6)));
    let owner = Some(UserId::from_uuid(uuid(6)));
    let made = ApiKey::create(id, details, "ck_k3v9xw2p", Some(by), owner, permissions, at(0));
    let (key, event) = made.expect("allowed");
    (key, happened(event))
}
