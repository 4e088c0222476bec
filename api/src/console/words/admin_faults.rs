//! What the pages of administration refuse, in words.

use comptoir_core::values::language::Language;

/// `None` for a code that [`super::faults`] puts into words.
pub(super) fn by_code(code: &str, language: Language) -> Option<&'static str> {
    let (french, english) = match code {
        "email_taken" => (
            "Un utilisateur de votre société a déjà cette adresse : prenez-en une autre.",
            "A user of your company has this address already: take another one.",
        ),
        "not_an_email" | "bad_email" => (
            "Écrivez une adresse e-mail, comme ada@docks.example.",
            "Write an e-mail address, such as ada@docks.example.",
        ),
        "last_administrator" => (
            "C'est le dernier administrateur : donnez d'abord ce rôle à quelqu'un d'autre.",
            "This is the last administrator: give somebody else this role first.",
        ),
        "own_account" => (
            "Personne ne change ses propres droits : demandez à un autre administrateur.",
            "Nobody changes their own rights: ask another administrator.",
        ),
        "cannot_decide" => (
            "Cette personne peut faire plus que vous : seul quelqu'un qui a tous ses droits décide à son sujet.",
            "This person may do more than you: only somebody with all of their rights decides about them.",
        ),
        "cannot_grant" | "permission_not_held" => (
            "Vous ne pouvez donner que les droits que vous avez vous-même.",
            "You can only give rights that you have yourself.",
        ),
        "cannot_revoke" => (
            "Cette clé peut faire plus que vous : son propriétaire, ou quelqu'un qui a tous ses droits, la révoque.",
            "This key may do more than you: its owner, or somebody with all of its rights, revokes it.",
        ),
        "user_status_conflict" => (
            "L'état du compte a changé : rechargez la page.",
            "The state of the account has changed: load the page again.",
        ),
        "email_state_conflict" => (
            "L'état de cet e-mail a changé : rechargez la page.",
            "The state of this e-mail has changed: load the page again.",
        ),
        "email_cause_over" => (
            "Cet e-mail ne servirait plus à rien : ce qu'il demandait est fait.",
            "This e-mail would be of no use any more: what it asked for is done.",
        ),
        "unknown_role" | "unknown_value" => ("Choisissez une des valeurs de la liste.", "Choose one of the values of the list."),
        "no_permissions" => ("Cochez au moins un droit.", "Tick at least one right."),
        "unknown_time_zone" | "not_a_time_zone" => (
            "Écrivez un fuseau de la base IANA, comme Europe/Paris.",
            "Write a time zone of the IANA database, such as Europe/Paris.",
        ),
        "not_a_siren" | "not_a_siret" | "bad_check_digit" | "bad_checksum" => (
            "Un chiffre ne va pas avec les autres : relisez ce numéro.",
            "A digit does not fit the others: read this number again.",
        ),
        _ => return None,
    };
    Some(match language {
        Language::Fr => french,
        Language::En => english,
    })
}
