//! What the pages of administration refuse, in words.

/// The French and the English sentence of a code.
pub(super) fn said(code: &str) -> Option<(&'static str, &'static str)> {
    let said = match code {
        "email_taken" => (
            "Un utilisateur de votre société a déjà cette adresse : prenez-en une autre.",
            "A user of your company has this address already: take another one.",
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
        "unknown_role" | "unknown_scheme" | "not_a_scheme" => {
            ("Choisissez une des valeurs de la liste.", "Choose one of the values of the list.")
        }
        "not_a_time_zone" => (
            "Écrivez un fuseau de la base IANA, comme Europe/Paris.",
            "Write a time zone of the IANA database, such as Europe/Paris.",
        ),
        "not_a_siren" | "not_a_siret" | "wrong_check_digit" | "not_an_iban" | "not_a_bic" => (
            "Ce numéro n'a pas la forme qu'il doit avoir : relisez-le chiffre par chiffre.",
            "This number does not have the form that it should: read it again, digit by digit.",
        ),
        "vat_number_mismatch" => (
            "Ce numéro de TVA n'est pas celui du SIREN : relisez les deux.",
            "This VAT number is not that of the SIREN: read both again.",
        ),
        "iban_missing" => {
            ("Un BIC va avec un IBAN : remplissez les deux.", "A BIC goes with an IBAN: fill in both.")
        }
        "not_a_series" => {
            ("1 à 10 majuscules et chiffres, comme FA.", "1 to 10 capital letters and digits, such as FA.")
        }
        "not_later" => (
            "Chaque niveau part plus tard que le précédent : mettez plus de jours.",
            "Each level is sent later than the one before: write more days.",
        ),
        "not_a_colour" => ("Écrivez une couleur comme #1f4e79.", "Write a colour such as #1f4e79."),
        "not_printable" => (
            "Un caractère ne peut pas être imprimé : retirez-le.",
            "A character cannot be printed: take it out.",
        ),
        _ => return None,
    };
    Some(said)
}
