//! Settings of the company.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The settings, and the forms that change them.
    Settings {
        title: "Réglages", "Settings";
        change: "Changer…", "Change…";
        save: "Enregistrer les réglages", "Save the settings";
        none: "rien", "nothing";
        yes: "oui", "yes";
        no: "non", "no";
        company: "Société", "Company";
        name: "Nom", "Name";
        short_name: "Nom court", "Short name";
        currency: "Monnaie", "Currency";
        scheme: "Immatriculation", "Registration";
        siren: "SIREN", "SIREN";
        siret: "SIRET", "SIRET";
        foreign: "Autre registre", "Another register";
        number: "Numéro d'immatriculation", "Registration number";
        vat_number: "Numéro de TVA", "VAT number";
        line1: "Adresse", "Address";
        line2: "Complément d'adresse", "Address, second line";
        postal_code: "Code postal", "Postal code";
        city: "Ville", "Town";
        country: "Pays", "Country";
        country_hint: "Deux lettres : FR, BE, DE", "Two letters: FR, BE, DE";
        time_zone: "Fuseau horaire", "Time zone";
        time_zone_hint: "Un nom de la base IANA : Europe/Paris", "A name of the IANA database: Europe/Paris";
        language: "Langue des e-mails et des pages", "Language of e-mails and pages";
        french: "Français", "Français";
        english: "English", "English";
        email_from: "E-mails envoyés de", "E-mails are from";
        email_from_hint: "Demandez d'abord à qui gère le serveur d'e-mails. Vide : l'adresse de l'installation.", "Ask whoever runs the mail server first. Empty: the installation's own address.";
        email_reply_to: "Réponses à", "Replies to";
        credit: "Commande qui passe le plafond de crédit", "Order that passes the credit limit";
        refuse: "La refuser", "Refuse it";
        hold: "La retenir jusqu'à ce que quelqu'un l'approuve", "Hold it until somebody approves it";
        invoicing: "Facturation", "Invoicing";
        legal_form: "Forme juridique", "Legal form";
        share_capital: "Capital social", "Share capital";
        trade_register: "Registre du commerce", "Trade register";
        trade_register_hint: "Avec la ville : RCS Nantes", "With its town: RCS Nantes";
        vat_scheme: "Régime de TVA", "VAT scheme";
        normal: "Normal", "Normal";
        small_enterprise: "Franchise en base", "Exempt small enterprise";
        not_subject: "Non assujetti", "Not subject to VAT";
        vat_due_on: "TVA sur les services exigible", "VAT on services is due";
        payments: "à l'encaissement", "when they are paid";
        debits: "à la facturation (débits)", "when they are invoiced";
        one_stop_shop: "Guichet unique (OSS)", "One-stop shop (OSS)";
        e_scheme: "Adresse électronique, registre", "Electronic address, scheme";
        e_scheme_hint: "0225 est l'annuaire français.", "0225 is the French directory.";
        e_identifier: "Adresse électronique, identifiant", "Electronic address, identifier";
        iban: "IBAN", "IBAN";
        bic: "BIC", "BIC";
        late_rate: "Intérêt de retard, en % par an", "Interest on late payments, in % a year";
        late_rate_hint: "Vide : ce que dit la loi.", "Empty: what the law says.";
        series: "Série des factures", "Series of invoices";
        credit_note_series: "Série des avoirs", "Series of credit notes";
        dates_in_order: "Aucune facture datée d'avant la précédente", "No invoice is dated before the last one";
        reminders: "Relances", "Reminders";
        reminders_hint: "Chaque niveau part tant de jours après l'échéance. Sans niveau, personne n'est relancé.", "Each level is sent so many days after the due date. Without a level, nobody is reminded.";
        days: "Jours après l'échéance", "Days after the due date";
        text_fr: "Texte en français", "Text in French";
        text_en: "Texte en anglais", "Text in English";
        text_hint: "Vide : le texte habituel", "Empty: the usual words";
        documents: "Documents", "Documents";
        documents_hint: "À partir du prochain document. Ceux qui existent ne changent pas.", "From the next document on. Those that are there do not change.";
        accent: "Couleur", "Colour";
        accent_hint: "Comme #1f4e79. Vide : bleu foncé.", "Such as #1f4e79. Empty: a dark blue.";
        footer: "Pied de page", "Foot of the page";
        logo: "Logo", "Logo";
        logo_hint: "Un PNG de 512 Kio et 2 000 × 2 000 pixels au plus. Il figure sur les documents à partir du prochain.", "A PNG of at most 512 KiB and 2,000 × 2,000 pixels. It stands on documents from the next one on.";
        logo_file: "Fichier du logo", "File of the logo";
        no_logo_yet: "Pas encore de logo : les documents portent le nom de la société.", "No logo yet: documents have the company's name.";
        set_logo: "Déposer le logo", "Set the logo";
        replace_logo: "Remplacer le logo", "Replace the logo";
        no_logo: "Choisissez d'abord un fichier.", "Choose a file first.";
        logo_too_large: "Ce fichier dépasse 512 Kio : enregistrez une image plus petite, puis déposez-la.", "This file is larger than 512 KiB: save a smaller image, and send that.";
        logo_wrong: "Ce n'est pas une image PNG de 2 000 × 2 000 pixels au plus : convertissez-la ou réduisez-la.", "This is no PNG image of at most 2,000 × 2,000 pixels: convert it, or make it smaller.";
        done_logo_set: "Le logo est déposé : le voici comme les documents le porteront.", "The logo has been set: this is how documents will have it.";
        remove_logo: "Retirer le logo", "Remove the logo";
        done_logo: "Le logo est retiré.", "The logo has been removed.";
    }
}

/// One level of reminders.
pub(crate) fn level(days: i64, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("{days} jours après l'échéance"),
        Language::En => format!("{days} days after the due date"),
    };
    set(&said, language)
}
