use super::*;
use crate::application::aggregate::Aggregate;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
}

/// A decider: an administrator who is not the only one.
fn colleague() -> Decider {
    let by = Some(UserId::generate());
    Decider { by, held: PermissionSet::all(), has_other_administrators: true }
}

fn user(role: Role) -> User {
    let new = NewUser {
        email: Email::parse("ada@example.com").expect("valid"),
        name: UserName::parse("Ada").expect("valid"),
        role,
        adjustments: Adjustments::default(),
        password: None,
        is_verified: true,
    };
    User::register(UserId::generate(), new, colleague(), at(0)).expect("allowed").0
}

fn adjustments(granted: &[Permission], revoked: &[Permission]) -> Adjustments {
    Adjustments::new(PermissionSet::of(granted), PermissionSet::of(revoked)).expect("valid")
}

#[test]
fn what_is_granted_and_revoked_adjusts_the_role() {
    let mut ada = user(Role::Warehouse);
    let wanted = adjustments(&[Permission::OrdersWrite], &[Permission::CustomersRead]);
    let event = ada.change_permissions(wanted, colleague(), at(1)).expect("allowed");
    assert!(ada.permissions().contains(Permission::OrdersWrite));
    assert!(!ada.permissions().contains(Permission::CustomersRead));
    assert_eq!(event, Some(UserEvent::PermissionChanged(ada.clone())));
    assert_eq!((ada.version(), ada.updated_at()), (2, at(1)));
    assert_eq!(ada.change_permissions(wanted, colleague(), at(2)), Ok(None), "nothing changes");
}

#[test]
fn nothing_is_granted_and_revoked_at_once() {
    let both = PermissionSet::of(&[Permission::AuditRead]);
    assert_eq!(Adjustments::new(both, both).map_err(|error| error.code), Err("granted_and_revoked"));
}

#[test]
fn nobody_decides_about_themselves() {
    let mut ada = user(Role::Admin);
    let own = Decider { by: Some(ada.id()), ..colleague() };
    assert_eq!(ada.change_role(Role::Sales, own, at(1)), Err(UserError::OwnAccount));
    assert_eq!(ada.change_role(Role::Admin, own, at(1)), Err(UserError::OwnAccount));
    assert_eq!(ada.change_permissions(Adjustments::default(), own, at(1)), Err(UserError::OwnAccount));
    assert_eq!(ada.disable(own, at(1)), Err(UserError::OwnAccount));
    assert_eq!(ada.enable(own, at(1)), Err(UserError::OwnAccount));
    let name = UserName::parse("Ada Leroy").expect("valid");
    let nothing = Decider { held: PermissionSet::EMPTY, ..own };
    assert!(ada.rename(name, nothing, at(1)).is_ok(), "their own name is no decision about others");
}

fn password() -> HashedPassword {
    HashedPassword::stored("$argon2id$".to_owned())
}

/// A user who can log in and do everything.
fn administrator() -> User {
    User { password: Some(password()), ..user(Role::Admin) }
}

#[test]
fn the_last_administrator_stays_one() {
    let alone = Decider { has_other_administrators: false, ..colleague() };
    let mut ada = administrator();
    let refused = UserError::LastAdministrator(ada.id());
    assert_eq!(ada.change_role(Role::Management, alone, at(1)), Err(refused.clone()));
    assert_eq!(ada.disable(alone, at(1)), Err(refused.clone()));
    for permission in Permission::ALL {
        let less = adjustments(&[], &[*permission]);
        assert_eq!(ada.change_permissions(less, alone, at(1)), Err(refused.clone()), "{permission}");
    }
    assert_eq!(ada.version(), 1, "what is refused changes nothing");
    assert!(ada.disable(colleague(), at(1)).is_ok());
}

#[test]
fn an_administrator_can_log_in_and_has_nothing_revoked() {
    assert!(administrator().is_administrator());
    let unknown =
        UnknownPermissions { revoked: vec!["moon:walk".to_owned()], ..UnknownPermissions::default() };
    for not in [
        User { password: None, ..administrator() },
        User { email_verified_at: None, ..administrator() },
        User { disabled_at: Some(at(1)), ..administrator() },
        User { role: Role::Management, ..administrator() },
        User { adjustments: adjustments(&[], &[Permission::AuditRead]), ..administrator() },
        User { unknown, ..administrator() },
    ] {
        assert!(!not.is_administrator(), "{not:?}");
    }
}

#[test]
fn nobody_decides_about_somebody_who_can_do_more_or_could_be_given_it_back() {
    let held = Role::Management.permissions().with(PermissionSet::of(&[Permission::UsersWrite]));
    let manager = Decider { held, ..colleague() };
    let everything_revoked = Adjustments::new(PermissionSet::EMPTY, PermissionSet::all()).expect("valid");
    let unknown =
        UnknownPermissions { granted: vec!["moon:walk".to_owned()], ..UnknownPermissions::default() };
    for mut ada in [
        user(Role::Admin),
        User { adjustments: everything_revoked, ..user(Role::Admin) },
        User { disabled_at: Some(at(1)), ..user(Role::Admin) },
        User { adjustments: adjustments(&[Permission::TenantWrite], &[]), ..user(Role::Sales) },
        User { unknown, ..user(Role::Sales) },
    ] {
        let before = ada.clone();
        let name = UserName::parse("Eve").expect("valid");
        let refusals = [
            ada.rename(name, manager, at(2)).err(),
            ada.change_role(Role::Sales, manager, at(2)).err(),
            ada.change_permissions(Adjustments::default(), manager, at(2)).err(),
            ada.disable(manager, at(2)).err(),
            ada.enable(manager, at(2)).err(),
            manager.covers(&ada).err(),
        ];
        for refused in refusals {
            assert!(matches!(refused, Some(UserError::CannotDecide(_))), "{refused:?} about {ada:?}");
        }
        assert_eq!(ada, before);
    }
    assert!(user(Role::Sales).disable(manager, at(2)).is_ok());
}

#[test]
fn nobody_makes_an_administrator_by_revoking_everything() {
    let held = Role::Sales.permissions().with(PermissionSet::of(&[Permission::UsersWrite]));
    let clerk = Decider { held, ..colleague() };
    let new = NewUser {
        email: Email::parse("eve@example.com").expect("valid"),
        name: UserName::parse("Eve").expect("valid"),
        role: Role::Admin,
        adjustments: Adjustments::new(PermissionSet::EMPTY, PermissionSet::all()).expect("valid"),
        password: None,
        is_verified: false,
    };
    let refused = User::register(UserId::generate(), new, clerk, at(0)).map(drop);
    assert!(matches!(refused, Err(UserError::CannotGrant(_))), "{refused:?}");
}

#[test]
fn nobody_gives_what_they_do_not_have() {
    let clerk = Decider {
        held: Role::Sales.permissions().with(PermissionSet::of(&[Permission::UsersWrite])),
        ..colleague()
    };
    let mut ada = user(Role::Sales);
    assert!(matches!(ada.change_role(Role::Admin, clerk, at(1)), Err(UserError::CannotGrant(_))));
    let ship = adjustments(&[Permission::OrdersShip], &[]);
    let refused = UserError::CannotGrant(Permission::OrdersShip);
    assert_eq!(ada.change_permissions(ship, clerk, at(1)), Err(refused));
    let less = adjustments(&[], &[Permission::OrdersWrite]);
    assert!(ada.change_permissions(less, clerk, at(1)).is_ok());
    assert!(ada.change_permissions(Adjustments::default(), clerk, at(2)).is_ok());
}

#[test]
fn a_disabled_user_gets_no_password_and_verifies_nothing() {
    let mut ada = user(Role::Sales);
    ada.email_verified_at = None;
    ada.disable(colleague(), at(1)).expect("allowed");
    let before = ada.clone();
    assert_eq!(ada.change_password(password(), at(2)).map_err(|e| e.code()), Err("user_status_conflict"));
    assert_eq!(ada.verify_email(at(2)).map_err(|error| error.code()), Err("user_status_conflict"));
    assert_eq!(ada, before);
}

#[test]
fn a_disabled_user_is_enabled_to_where_it_was() {
    let mut ada = user(Role::Sales);
    assert_eq!(ada.enable(colleague(), at(1)).map_err(|error| error.code()), Err("user_status_conflict"));
    let event = ada.disable(colleague(), at(1)).expect("allowed");
    assert_eq!((event, ada.status()), (UserEvent::Disabled(ada.clone()), UserStatus::Disabled));
    assert!(ada.disable(colleague(), at(2)).is_err());
    assert!(ada.log_in(SessionId::generate(), at(2)).is_err());
    assert!(ada.enable(colleague(), at(2)).is_ok());
    assert_eq!((ada.status(), ada.version()), (UserStatus::Active, 3));
}

#[test]
fn an_address_is_verified_once() {
    let mut ada = user(Role::Sales);
    ada.email_verified_at = None;
    assert_eq!(ada.status(), UserStatus::Unverified);
    assert!(ada.log_in(SessionId::generate(), at(1)).is_err());
    assert!(matches!(ada.verify_email(at(1)), Ok(Some(_))));
    assert_eq!(ada.verify_email(at(2)), Ok(None));
    let session_id = SessionId::generate();
    let event = ada.log_in(session_id, at(3)).expect("active");
    assert_eq!(event, UserEvent::LoggedIn { user: ada.clone(), session_id });
}
