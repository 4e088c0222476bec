//! Invoices.

use comptoir_core::values::language::Language;

use crate::console::status::Status;
use crate::console::typography::set;

super::words! {
    /// The list, one invoice, drafts and credit notes.
    Invoices {
        title: "Factures", "Invoices";
        new_free: "Facture libre", "Free invoice";
        new_from: "Facturer", "Invoice";
        all: "Toutes", "All";
        drafts: "Brouillons", "Drafts";
        to_send: "À envoyer", "To send";
        unpaid: "Impayées", "Unpaid";
        overdue_view: "Échues", "Overdue";
        paid_view: "Payées", "Paid";
        search: "Numéro ou référence", "Number or reference";
        series: "Série", "Series";
        issued_from: "Du", "From";
        issued_to: "Au", "To";
        list_label: "Factures, les plus récentes d'abord", "Invoices, latest first";
        empty: "Aucune facture pour l'instant", "No invoices yet";
        empty_then: "Facturez ce qui est parti : le brouillon apparaîtra dans cette liste.", "Invoice what has left: the draft will appear in this list.";
        number: "Numéro", "Number";
        kind: "Nature", "Kind";
        customer: "Client", "Customer";
        issued: "Date", "Date";
        due: "Échéance", "Due";
        state: "État", "State";
        gross: "Total TTC", "Total with VAT";
        open: "Reste à payer", "To be paid";
        draft: "Brouillon", "Draft";
        validated: "Validée", "Validated";
        sent: "Envoyée", "Sent";
        partly_paid: "Payée en partie", "Partly paid";
        paid: "Payée", "Paid";
        overdue: "Échue", "Overdue";
        disputed: "Contestée", "Disputed";
        used: "Utilisé", "Used";
        partly_used: "Utilisé en partie", "Partly used";
        kind_invoice: "Facture", "Invoice";
        kind_credit_note: "Avoir", "Credit note";
        kind_deposit: "Acompte", "Deposit";
        draft_invoice: "Facture en brouillon", "Draft of an invoice";
        draft_credit_note: "Avoir en brouillon", "Draft of a credit note";
        draft_deposit: "Acompte en brouillon", "Draft of a deposit";
        done_drafted: "Le brouillon est là.", "The draft is there.";
        done_saved: "Le brouillon est enregistré.", "The draft has been saved.";
        done_validated: "La facture a son numéro.", "The invoice has its number.";
        done_asked: "L'envoi est demandé : les étapes disent où il en est.", "It is to be sent: the steps say how far it is.";
        done_sent: "La remise est notée.", "It is noted that the customer has it.";
        done_disputed: "La contestation est notée.", "The dispute is noted.";
        done_settled: "La contestation est close.", "The dispute is over.";
        done_deleted: "Le brouillon est supprimé.", "The draft has been deleted.";
        changed: "Quelqu'un a changé cette facture entre-temps. Voici son état actuel : rien n'a été fait.", "Somebody changed this invoice meanwhile. This is how it is now: nothing was done.";
        edit: "Modifier le brouillon", "Edit the draft";
        validate: "Valider la facture…", "Validate the invoice…";
        validate_title: "Valider la facture", "Validate the invoice";
        validate_hint: "Elle reçoit son numéro, qui ne se retire pas : une facture validée ne se corrige que par un avoir.", "It gets its number, which is never taken back: a validated invoice is corrected by a credit note alone.";
        validate_do: "Valider la facture", "Validate the invoice";
        net_so_far: "Total HT, avant déduction des acomptes", "Total without VAT, before deposits are taken off";
        delete: "Supprimer le brouillon…", "Delete the draft…";
        receive_payment: "Enregistrer un paiement…", "Record a payment…";
        send: "Envoyer la facture", "Send the invoice";
        send_again: "Envoyer de nouveau", "Send again";
        mark_sent: "Noter la remise au client", "Note that the customer has it";
        credit: "Faire un avoir…", "Make a credit note…";
        note_dispute: "Noter une contestation…", "Note a dispute…";
        end_dispute: "Clore la contestation", "End the dispute";
        channel: "Voie d'envoi", "Way of sending";
        channel_of_customer: "Voie du client", "The customer's way";
        by_email: "Par e-mail", "By e-mail";
        by_platform: "Par la plateforme", "By the platform";
        lines: "Lignes", "Lines";
        line: "Désignation", "Description";
        quantity_price: "Quantité × prix HT", "Quantity × price";
        vat: "TVA", "VAT";
        net: "Total HT", "Total without VAT";
        used_for: "Utilisé pour payer", "Used to pay";
        paid_amount: "Payé", "Paid";
        credited: "Rendu par avoir", "Given back by credit notes";
        left: "Reste au client", "Left to the customer";
        totals_later: "Les totaux et la TVA se calculent à la validation.", "Totals and VAT are reckoned at the validation.";
        facts: "Détails", "Details";
        day_of_validation: "Jour de la validation", "Day of the validation";
        as_agreed: "Selon l'accord avec le client", "As agreed with the customer";
        delivered_on: "Livrée le", "Delivered on";
        period: "Période", "Period";
        reference: "Référence du client", "The customer's reference";
        reference_hint: "Comment le client appelle sa commande.", "What the customer calls the order.";
        note: "Mention", "Note";
        sent_on: "Envoyée le", "Sent on";
        sent_by: "Envoyée par", "Sent by";
        corrects: "Corrige", "Corrects";
        takes_off: "Déduit", "Takes off";
        corrected_by: "Corrigée par", "Corrected by";
        others_of_customer: "Factures de ce client", "Invoices of this customer";
        payments_of_customer: "Paiements de ce client", "Payments of this customer";
        transmissions: "Étapes de l'envoi", "Steps of sending";
        asked: "Envoi demandé", "To be sent";
        step_sent: "Remise", "Handed over";
        step_failed: "Échec", "Failed";
        step_refused: "Refusée", "Refused";
        step_platform: "Chez la plateforme", "At the platform";
        document: "Document", "Document";
        open_pdf: "Ouvrir le PDF", "Open the PDF";
        save_pdf: "Télécharger le PDF", "Download the PDF";
        save_xml: "Télécharger le XML", "Download the XML";
        document_awaited: "Le document se prépare : il apparaît quelques instants après la validation.", "The document is being made: it appears some moments after the validation.";
        document_failed: "Le document n'a pas pu être fait. L'exploitant le voit et le refera.", "The document could not be made. The operators see it, and will make it anew.";
        dispute_title: "Noter une contestation", "Note a dispute";
        dispute_hint: "Le client ne reçoit plus de relance pour cette facture, jusqu'à la fin de la contestation.", "The customer is not reminded of this invoice until the dispute is over.";
        dispute_do: "Noter la contestation", "Note the dispute";
        reason: "Motif", "Reason";
        reason_hint: "Pourquoi le client ne paie pas.", "Why the customer does not pay.";
        cancel: "Ne rien noter", "Note nothing";
        delete_title: "Supprimer le brouillon", "Delete the draft";
        delete_hint: "Il n'a pas de numéro : rien n'en reste, et ce qu'il facturait peut l'être de nouveau.", "It has no number: nothing of it is left, and what it invoiced can be invoiced anew.";
        delete_do: "Supprimer le brouillon", "Delete the draft";
        keep: "Garder le brouillon", "Keep the draft";
        new_title: "Facture libre", "Free invoice";
        edit_title: "Modifier le brouillon", "Edit the draft";
        not_validated: "La facture n'a pas encore de numéro. Corrigez ce qui suit, enregistrez, puis validez de nouveau.", "The invoice has no number yet. Correct what follows, save, then validate again.";
        issued_hint: "Vide : le jour de la validation", "Empty: the day of the validation";
        due_hint: "Vide : selon l'accord, ou la loi", "Empty: as agreed, or as the law says";
        delivered_hint: "Vide : la date de la facture, ou aucune si rien n'est encore parti", "Empty: the date of the invoice, or none if it has not left";
        lines_hint: "Une ligne vidée est retirée. Ce qu'une ligne laisse vide vient de l'article.", "A line that is emptied is taken away. What a line leaves empty is the product's.";
        product: "Article", "Product";
        name: "Désignation", "Description";
        quantity: "Quantité", "Quantity";
        price: "Prix HT", "Price";
        rate: "TVA en %", "VAT in %";
        discount: "Remise en %", "Discount in %";
        discount_reason: "Motif de la remise", "Why the discount";
        has_more: "Les remises et les frais de cette ligne sont gardés : ils se changent par l'API.", "The discounts and charges of this line are kept: they are changed through the API.";
        more_lines: "Ajouter des lignes", "Add lines";
        too_many_lines: "Ce brouillon a trop de lignes pour un formulaire : elles sont gardées, et se changent par l'API.", "This draft has too many lines for a form: they are kept, and are changed through the API.";
        adjustments: "Remises et frais du document", "Discounts and charges of the document";
        adjustment_kind: "Sens", "Kind";
        discount_word: "Remise", "Discount";
        charge_word: "Frais", "Charge";
        reason_of: "Libellé", "Label";
        amount: "Montant HT", "Amount";
        or_percent: "ou en %", "or in %";
        deposits: "Acomptes à déduire", "Deposits to take off";
        delivery_address: "Adresse de livraison", "Delivery address";
        address_hint: "Vide : celle du client", "Empty: the customer's";
        address_line1: "Rue", "Street";
        address_line2: "Complément", "More";
        postal_code: "Code postal", "Postal code";
        city: "Ville", "City";
        country: "Pays", "Country";
        country_hint: "Deux lettres, comme FR", "Two letters, such as FR";
        period_start: "Période du", "Period from";
        period_end: "au", "to";
        period_hint: "Seulement pour une facture de période", "Only for an invoice of a period";
        note_hint: "Le document la porte.", "The document says it.";
        unshipped: "Facturer aussi ce qui n'est pas parti", "Invoice what has not left, too";
        unshipped_hint: "Il doit être réservé quand la facture est validée.", "It must be reserved when the invoice is validated.";
        save: "Enregistrer le brouillon", "Save the draft";
        create: "Créer le brouillon", "Make the draft";
        from_title: "Facturer ce qui est parti", "Invoice what has left";
        from_hint: "Tout ce qui est parti, n'est pas revenu et n'est pas encore facturé.", "All that has left, has not come back and is not invoiced yet.";
        by_month: "Un mois d'un client", "A month of a customer";
        by_orders: "Des commandes", "Orders";
        by_shipments: "Des expéditions", "Shipments";
        orders: "Commandes", "Orders";
        orders_hint: "Numéros, séparés par des virgules ; toutes d'un même client.", "Numbers, separated by commas; all of one customer.";
        shipments: "Expéditions", "Shipments";
        shipments_hint: "Identifiants, séparés par des virgules ; toutes d'un même client.", "Ids, separated by commas; all of one customer.";
        month: "Mois", "Month";
        take_deposits: "Déduire les acomptes payés", "Take paid deposits off";
        credit_title: "Faire un avoir", "Make a credit note";
        credit_hint: "Il est d'abord un brouillon. Validé, il paie la facture, et le reste revient au client.", "It is a draft first. Once it is validated it pays the invoice, and the rest is the customer's.";
        credit_what: "Ce qui est rendu", "What is given back";
        credit_rest: "Tout ce qui n'est pas encore rendu", "All that has not been given back";
        credit_parts: "Des quantités ou des montants de ces lignes", "Quantities or amounts of these lines";
        or_amount: "ou montant HT", "or amount";
        credit_note_note: "Motif, pour le client", "Why, for the customer";
        credit_do: "Créer l'avoir en brouillon", "Make the draft of the credit note";
    }
}

pub(crate) fn from_to(from: &str, to: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("du {from} au {to}"),
        Language::En => format!("{from} to {to}"),
    };
    set(&said, language)
}

/// By which way a customer got an invoice.
pub(crate) fn channel(name: &str, language: Language) -> &'static str {
    match (name, language) {
        ("email", Language::Fr) => "par e-mail",
        ("email", Language::En) => "by e-mail",
        ("platform", Language::Fr) => "par la plateforme",
        ("platform", Language::En) => "by the platform",
        ("download", Language::Fr) => "remise en main",
        ("download", Language::En) => "downloaded",
        _ => "",
    }
}

/// A step of sending.
pub(crate) fn transmission(status: &str, w: &'static Invoices) -> Status {
    match status {
        "asked" => Status::open(w.asked),
        "sent" => Status::done(w.step_sent),
        "failed" => Status::failed(w.step_failed),
        "refused" | "rejected" => Status::failed(w.step_refused),
        "disputed" => Status::held(w.disputed),
        _ => Status::begun(w.step_platform),
    }
}
