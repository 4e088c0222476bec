//! What the pages of the catalogue have in common.

super::words! {
    /// Forms, pages of one row, addresses.
    Parts {
        changed: "Quelqu'un a changé cette fiche entre-temps. Voici son état actuel : rien n'a été enregistré.", "Somebody changed this record meanwhile. This is how it is now: nothing was saved.";
        yes: "oui", "yes";
        no: "non", "no";
        keep: "Ne pas supprimer", "Keep it";
        leave: "Revenir sans enregistrer", "Go back without saving";
        edit: "Modifier la fiche", "Edit the record";
        save: "Enregistrer la fiche", "Save the record";
        delete: "Supprimer la fiche…", "Delete the record…";
        code: "Code", "Code";
        name: "Nom", "Name";
        external_id: "Identifiant externe", "External id";
        external_id_hint: "Celui de votre autre logiciel, s'il y en a un.", "The one of your other software, if there is one.";
        updated: "Modifiée", "Changed";
        identity: "Identité", "Identity";
        vat_number: "Numéro de TVA", "VAT number";
        addresses: "Adresses", "Addresses";
        no_addresses: "Aucune adresse n'est connue.", "No address is known.";
        more_addresses: "Ajouter une adresse", "Add an address";
        address_kind: "Pour", "For";
        billing: "Facturation", "Billing";
        shipping: "Livraison", "Delivery";
        line1: "Adresse", "Address";
        line2: "Complément", "Second line";
        postal_code: "Code postal", "Postal code";
        city: "Ville", "City";
        country: "Pays", "Country";
        country_hint: "Deux lettres, comme FR.", "Two letters, such as FR.";
        not_said: "Non précisé", "Not said";
        terms: "Délai de paiement", "Payment terms";
        terms_days: "Délai en jours", "Days";
        end_of_month: "Puis fin de mois", "Then the end of the month";
        see_all: "Tout voir", "See all";
        done_created: "La fiche est créée.", "The record has been created.";
        done_deleted: "La fiche est supprimée.", "The record has been deleted.";
        search: "Nom, code ou numéro", "Name, code or number";
    }
}

/// Payment terms in words.
pub(crate) fn terms(
    terms: comptoir_core::values::payment_terms::PaymentTerms,
    language: comptoir_core::values::language::Language,
) -> String {
    use comptoir_core::values::language::Language;

    let days = terms.days();
    let said = match (language, terms.is_end_of_month()) {
        (Language::Fr, false) => format!("{days} jours"),
        (Language::Fr, true) => format!("{days} jours, fin de mois"),
        (Language::En, false) => format!("{days} days"),
        (Language::En, true) => format!("{days} days, end of month"),
    };
    crate::console::typography::set(&said, language)
}
