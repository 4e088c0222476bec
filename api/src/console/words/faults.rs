//! What is wrong with a field, in words: what, why, what now. The API's codes decide; a code without a sentence of its own
//! gets a general one.

use comptoir_core::values::invalid::FieldError;
use comptoir_core::values::language::Language;

use crate::console::format::typed_decimal;
use crate::console::typography::set;
use crate::console::words::invoice_faults;
use crate::error::ApiError;

/// What is wrong with one field.
pub(crate) fn field(fault: &FieldError, language: Language) -> String {
    if let Some(available) = &fault.available {
        let number = shown(available, language);
        let said = match language {
            Language::Fr => format!("{number} au plus : c'est ce qui est disponible."),
            Language::En => format!("{number} at most: that is what is available."),
        };
        return set(&said, language);
    }
    if let Some(credit) = &fault.credit {
        let [limit, exposure, total] =
            [&credit.limit, &credit.exposure, &credit.total].map(|amount| shown(amount, language));
        let said = match language {
            Language::Fr => format!(
                "La commande ({total}) et l'encours ({exposure}) passent le plafond de crédit ({limit}). Réduisez la commande, ou demandez un autre plafond."
            ),
            Language::En => format!(
                "The order ({total}) and what is open ({exposure}) pass the credit limit ({limit}). Order less, or ask for another limit."
            ),
        };
        return set(&said, language);
    }
    set(by_code(fault.code, language), language)
}

fn shown(decimal: &str, language: Language) -> String {
    match language {
        Language::Fr => typed_decimal(decimal).replace('.', ","),
        Language::En => decimal.to_owned(),
    }
}

/// What is wrong with the whole.
pub(crate) fn whole(error: &ApiError, language: Language) -> String {
    set(by_code(error.code(), language), language)
}

fn by_code(code: &str, language: Language) -> &'static str {
    let (french, english) = match code {
        "missing_field" => ("Ce champ est nécessaire : remplissez-le.", "This is needed: fill it in."),
        "not_a_decimal" => ("Écrivez un nombre, comme 12 ou 12,50.", "Write a number, such as 12 or 12.50."),
        "too_precise" => ("Trop de chiffres après la virgule.", "Too many digits after the point."),
        "too_large" => ("Ce nombre est trop grand.", "This number is too large."),
        "not_positive" => ("Il en faut plus de zéro.", "It must be more than zero."),
        "negative" => ("Il en faut zéro ou plus.", "It must be zero or more."),
        "not_a_date" => ("Écrivez une date du calendrier.", "Write a date of the calendar."),
        "out_of_range" => ("Cette valeur est hors des limites permises.", "This value is outside what is allowed."),
        "too_long" => ("C'est trop long : raccourcissez.", "This is too long: shorten it."),
        "too_short" => ("C'est trop court.", "This is too short."),
        "empty" => ("Ce champ est nécessaire : remplissez-le.", "This is needed: fill it in."),
        "control_character" => ("Un caractère invisible est à retirer.", "An invisible character has to go."),
        "not_a_uuid" | "customer_not_found" | "product_not_found" => {
            ("Choisissez une ligne de la liste.", "Choose a row of the list.")
        }
        "unknown_product" => ("Cet article n'existe plus : choisissez-en un autre.", "This product is gone: choose another one."),
        "product_archived" => ("Cet article est archivé : choisissez-en un autre.", "This product is archived: choose another one."),
        "order_reference_taken" => {
            ("Une autre commande a déjà ce numéro : prenez-en un autre.", "Another order has this number: take another one.")
        }
        "insufficient_stock" => (
            "Il n'y a pas assez de stock. Commandez moins, ou laissez la commande attendre.",
            "There is too little in stock. Order less, or let the order wait.",
        ),
        "no_default_warehouse" => (
            "Aucun dépôt n'est celui par défaut : choisissez-en un dans les réglages.",
            "No warehouse is the default one: choose one in the settings.",
        ),
        "order_state_conflict" => (
            "L'état de la commande a changé : rechargez la page.",
            "The state of the order has changed: load the page again.",
        ),
        "order_partly_shipped" => (
            "Une partie est déjà expédiée : annulez le reste.",
            "A part has been shipped already: cancel the rest.",
        ),
        "order_held" => (
            "La commande est retenue : elle passe le plafond de crédit du client.",
            "The order is held: it passes the customer's credit limit.",
        ),
        "not_stocked" => ("Cet article n'est pas tenu en stock : choisissez-en un autre.", "This product is not kept in stock: choose another one."),
        "unknown_supplier" | "unknown_customer" | "unknown_warehouse" => {
            ("Ce choix n'existe plus : prenez-en un autre.", "This is gone: choose another one.")
        }
        "both_given" => ("Remplissez l'un ou l'autre, pas les deux.", "Fill in one or the other, not both."),
        "not_a_country" => ("Écrivez un pays en deux lettres, comme FR.", "Write a country in two letters, such as FR."),
        "stock_frozen" => (
            "Un comptage est en cours pour ces articles : attendez qu'il soit fini.",
            "These products are being counted: wait until that is done.",
        ),
        "shipment_state_conflict" => (
            "La livraison de cette expédition est déjà notée.",
            "The delivery of this shipment is noted already.",
        ),
        "purchase_order_state_conflict" => (
            "L'état de cet achat ne le permet plus : rechargez la page.",
            "The state of this purchase does not allow it any more: load the page again.",
        ),
        "purchase_order_reference_taken" | "return_reference_taken" | "stock_document_reference_taken" => {
            ("Ce numéro est déjà pris : prenez-en un autre.", "This number is taken: take another one.")
        }
        "idempotency_key_reused" => (
            "Ce formulaire a déjà été envoyé avec d'autres valeurs : rechargez la page.",
            "This form was sent with other values already: load the page again.",
        ),
        "idempotency_key_in_use" => (
            "Ce formulaire est en cours d'envoi : attendez un instant.",
            "This form is being sent: wait a moment.",
        ),
        "wrong_password" => ("Ce n'est pas votre mot de passe actuel.", "This is not your present password."),
        "common_password" | "too_common" => {
            ("Ce mot de passe est trop connu : prenez-en un autre.", "This password is too well known: take another one.")
        }
        "contains_email" => (
            "Ce mot de passe ressemble à votre adresse : prenez-en un autre.",
            "This password is like your address: take another one.",
        ),
        other => invoice_faults::said(other)
            .unwrap_or(("Cette valeur ne peut pas être acceptée.", "This value cannot be accepted.")),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}
