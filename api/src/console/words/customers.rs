//! Customers.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The list, one customer, and the forms.
    Customers {
        title: "Clients", "Customers";
        create: "Créer un client", "Create a customer";
        edit_title: "Modifier le client", "Edit the customer";
        list_label: "Clients, par code", "Customers, by code";
        email: "E-mail", "E-mail";
        city: "Ville", "City";
        credit_limit: "Plafond de crédit", "Credit limit";
        credit_limit_hint: "Vide : sans plafond.", "Empty: no limit.";
        group: "Groupe de prix", "Price group";
        no_group: "Aucun", "None";
        all_groups: "Tous", "All";
        empty: "Aucun client pour l'instant", "No customers yet";
        empty_then: "Créez le premier ici, ou importez un fichier.", "Create the first one here, or import a file.";
        overview: "Fiche", "Record";
        orders: "Commandes", "Orders";
        invoices: "Factures", "Invoices";
        account: "Compte", "Account";
        invoicing: "Facturation", "Invoicing";
        invoicing_hint: "Ce que la facture doit porter.", "What an invoice has to say.";
        kind: "Type de client", "Kind of customer";
        business: "Entreprise", "Business";
        consumer: "Particulier", "Consumer";
        public_body: "Organisme public", "Public body";
        legal_form: "Forme juridique", "Legal form";
        registration: "Immatriculation", "Registration";
        registration_scheme: "Registre", "Register";
        registration_number: "Numéro au registre", "Number in the register";
        foreign: "Étranger", "Foreign";
        electronic: "Adresse électronique", "Electronic address";
        electronic_scheme: "Annuaire", "Directory";
        electronic_scheme_hint: "0225 pour l'annuaire français, EM pour un e-mail.", "0225 for the French directory, EM for an e-mail.";
        electronic_identifier: "Identifiant dans l'annuaire", "Identifier in the directory";
        language: "Langue des factures", "Language of invoices";
        language_of_company: "Celle de la société", "The company's";
        french: "Français", "French";
        english: "Anglais", "English";
        channel: "Envoi des factures", "How invoices are sent";
        by_email: "Par e-mail", "By e-mail";
        by_download: "Par téléchargement", "By download";
        by_platform: "Par une plateforme", "By a platform";
        reminders: "Relancer ce qui est échu", "Remind of what is overdue";
        yes: "Oui", "Yes";
        no: "Non", "No";
        credit: "Crédit", "Credit";
        exposure: "Encours", "Open";
        available: "Reste disponible", "Still available";
        held: "Commandes retenues", "Held orders";
        no_limit: "Sans plafond", "No limit";
        order_number: "Numéro", "Number";
        placed: "Passée", "Placed";
        state: "État", "State";
        total: "Total TTC", "Total with VAT";
        no_orders: "Ce client n'a pas encore commandé.", "This customer has not ordered yet.";
        place: "Passer une commande", "Place an order";
        due: "Échéance", "Due";
        issued: "Datée", "Dated";
        open: "Reste à payer", "Still to pay";
        no_invoices: "Aucune facture pour ce client.", "No invoices for this customer.";
        draft_number: "Brouillon", "Draft";
        draft: "Brouillon", "Draft";
        validated: "Validée", "Validated";
        sent: "Envoyée", "Sent";
        partly_paid: "Payée en partie", "Partly paid";
        paid: "Payée", "Paid";
        overdue: "Échue", "Overdue";
        date: "Date", "Date";
        what: "Pièce", "Document";
        debit: "Débit", "Debit";
        credited: "Crédit", "Credit";
        balance: "Solde", "Balance";
        opening: "Solde au début", "Opening balance";
        closing: "Solde à la fin", "Closing balance";
        no_entries: "Aucun mouvement sur cette période.", "Nothing moved in this period.";
        entry_invoice: "Facture", "Invoice";
        entry_prepayment: "Acompte", "Deposit";
        entry_credit_note: "Avoir", "Credit note";
        entry_payment: "Paiement", "Payment";
        entry_reversal: "Paiement annulé", "Payment reversed";
        anonymised: "Anonymisé", "Anonymised";
        anonymise: "Anonymiser le client…", "Anonymise the customer…";
        anonymise_title: "Anonymiser le client", "Anonymise the customer";
        anonymise_hint: "Nom, adresses et numéros disparaissent pour de bon. Les pièces numérotées restent comme elles sont.", "Name, addresses and numbers go for good. Documents with a number stay as they are.";
        reason: "Motif", "Reason";
        reason_hint: "Il est gardé dans l'audit : n'y écrivez pas qui est le client.", "It is kept in the audit trail: do not write who the customer is.";
        delete_title: "Supprimer le client", "Delete the customer";
        delete_hint: "Un client qui a des commandes, des factures ou des tarifs reste. Une suppression ne se reprend pas.", "A customer with orders, invoices or price lists stays. A deletion cannot be taken back.";
        done_saved: "Le client est enregistré.", "The customer has been saved.";
        done_anonymised: "Le client est anonymisé.", "The customer has been anonymised.";
    }
}

/// The days of a statement.
pub(crate) fn period(from: &str, to: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("Compte du {from} au {to}"),
        Language::En => format!("Account from {from} to {to}"),
    };
    set(&said, language)
}
