//! Payments, and what customers owe.

use comptoir_core::commerce::payments::PaymentMethod;
use comptoir_core::commerce::receivables::EntryKind;
use comptoir_core::values::language::Language;

super::words! {
    /// Payments, their reversal, credit, statements and the aged balance.
    Payments {
        title: "Paiements", "Payments";
        receive: "Enregistrer un paiement", "Record a payment";
        aged: "Balance âgée", "Aged balance";
        statement: "Relevé de compte", "Statement";
        statement_pdf: "Relevé en PDF", "Statement as PDF";
        open: "Reste à payer", "To be paid";
        credit: "Au crédit du client", "The customer's credit";
        use_credit: "Utiliser le crédit…", "Use the credit…";
        customer: "Client", "Customer";
        received_on: "Reçu le", "Received on";
        method: "Moyen", "Method";
        reference: "Référence", "Reference";
        recorded: "Enregistré", "Recorded";
        amount: "Montant", "Amount";
        reversal: "annulation", "reversal";
        list_label: "Paiements, les plus récents d'abord", "Payments, latest first";
        empty: "Aucun paiement pour l'instant", "No payments yet";
        empty_then: "Enregistrez le premier ici, ou par l'API.", "Record the first one here, or through the API.";
        done_received: "Le paiement est enregistré.", "The payment has been recorded.";
        done_reversed: "Le paiement est annulé par celui-ci.", "This one has reversed the payment.";
        done_credit: "Le crédit est utilisé.", "The credit has been used.";
        pays: "Ce qu'il paie", "What it pays";
        invoice: "Facture", "Invoice";
        rest: "Ne paie encore rien", "Pays nothing yet";
        facts: "Détails", "Details";
        reverses: "Annule", "Reverses";
        the_payment: "le paiement", "the payment";
        reason: "Motif", "Reason";
        reason_hint: "Il est gardé avec l'annulation.", "It is kept with the reversal.";
        recorded_by: "Enregistré par", "Recorded by";
        reverse: "Annuler le paiement…", "Reverse the payment…";
        reverse_title: "Annuler le paiement", "Reverse the payment";
        reverse_hint: "Un paiement contraire l'annule, avec tout ce qu'il payait : les factures redeviennent dues. Cela ne se reprend pas.", "Another payment undoes it with all that it paid: the invoices are due again. This cannot be taken back.";
        reverse_do: "Annuler le paiement", "Reverse the payment";
        keep: "Garder le paiement", "Keep the payment";
        receive_title: "Enregistrer un paiement", "Record a payment";
        receive_do: "Enregistrer le paiement", "Record the payment";
        show_open: "Voir ses factures ouvertes", "Show the open invoices";
        oldest_first: "Les plus anciennes factures d'abord", "The oldest invoices first";
        pays_nothing: "Rien : tout reste au crédit du client", "Nothing: all of it is the customer's credit";
        these: "Ces factures, de ces montants", "These invoices, with these amounts";
        due: "Échéance", "Due";
        use_title: "Utiliser le crédit", "Use the credit";
        use_do: "Payer avec le crédit", "Pay with the credit";
        aged_hint: "Ce que doivent les clients, selon l'âge de l'échéance.", "What customers owe, by how long it has been due.";
        as_of: "Au", "As of";
        nobody_owes: "Aucun client ne doit rien sur cette page.", "No customer on this page owes anything.";
        not_due: "À échoir", "Not due";
        days_30: "1 à 30 jours", "1 to 30 days";
        days_60: "31 à 60 jours", "31 to 60 days";
        days_90: "61 à 90 jours", "61 to 90 days";
        older: "Plus de 90 jours", "Over 90 days";
        balance: "Solde", "Balance";
        from: "Du", "From";
        to: "au", "to";
        document: "Pièce", "Document";
        date: "Date", "Date";
        kind: "Nature", "Kind";
        debit: "Débit", "Debit";
        credit_side: "Crédit", "Credit";
        opening: "Solde au début", "Balance before";
        closing: "Solde à la fin", "Balance after";
    }
}

pub(crate) fn method(method: PaymentMethod, language: Language) -> &'static str {
    let (french, english) = match method {
        PaymentMethod::Transfer => ("Virement", "Transfer"),
        PaymentMethod::Card => ("Carte", "Card"),
        PaymentMethod::Cheque => ("Chèque", "Cheque"),
        PaymentMethod::Cash => ("Espèces", "Cash"),
        PaymentMethod::DirectDebit => ("Prélèvement", "Direct debit"),
        PaymentMethod::Other => ("Autre", "Other"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

/// An entry of a statement.
pub(crate) fn entry(kind: EntryKind, language: Language) -> &'static str {
    let (french, english) = match kind {
        EntryKind::Invoice => ("Facture", "Invoice"),
        EntryKind::Prepayment => ("Acompte", "Deposit"),
        EntryKind::CreditNote => ("Avoir", "Credit note"),
        EntryKind::Payment => ("Paiement", "Payment"),
        EntryKind::Reversal => ("Annulation", "Reversal"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}
