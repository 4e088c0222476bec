//! Orders.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The list, one order, and the form.
    Orders {
        title: "Commandes", "Orders";
        place: "Passer une commande", "Place an order";
        all: "Toutes", "All";
        to_confirm: "À confirmer", "To confirm";
        to_prepare: "À préparer", "To prepare";
        held_view: "Retenues", "Held";
        shipped_view: "Expédiées", "Shipped";
        cancelled_view: "Annulées", "Cancelled";
        search: "Numéro ou suivi", "Number or tracking";
        since: "Depuis le", "Since";
        before: "Avant le", "Before";
        customer_chip: "Client", "Customer";
        list_label: "Commandes, les plus récentes d'abord", "Orders, latest first";
        number: "Numéro", "Number";
        customer: "Client", "Customer";
        placed_at: "Passée", "Placed";
        promised: "Promise", "Promised";
        state: "État", "State";
        gross: "Total TTC", "Total with VAT";
        empty: "Aucune commande pour l'instant", "No orders yet";
        empty_then: "Passez la première ici, ou par l'API : elle apparaîtra dans cette liste.", "Place the first one here, or through the API: it will appear in this list.";
        pending: "Passée", "Placed";
        confirmed: "À préparer", "To prepare";
        partly: "Expédiée en partie", "Partly shipped";
        waits: "Attend du stock", "Waits for stock";
        held: "Retenue", "Held";
        late: "En retard", "Late";
        late_title: "Commandes en retard", "Late orders";
        none_late: "Rien n'est en retard", "Nothing is late";
        none_late_then: "Ici viennent les commandes dont le jour promis est passé, et celles sans date promise après trois jours.", "Orders whose promised day is over come here, and those without a promised day after three days.";
        shipped: "Expédiée", "Shipped";
        delivered: "Livrée", "Delivered";
        cancelled: "Annulée", "Cancelled";
        progress: "Avancement", "Progress";
        step_placed: "Passée", "Placed";
        step_confirmed: "Confirmée", "Confirmed";
        step_shipped: "Expédiée", "Shipped";
        step_delivered: "Livrée", "Delivered";
        step_cancelled: "Annulée", "Cancelled";
        step_invoiced: "Facturée", "Invoiced";
        step_paid: "Payée", "Paid";
        in_draft: "en brouillon", "drafted";
        lines: "Articles", "Products";
        product: "Article", "Product";
        ordered: "Commandé", "Ordered";
        gone: "Expédié", "Shipped";
        reserved: "Réservé", "Reserved";
        waiting: "Attend", "Waits for";
        amounts: "Montants", "Amounts";
        quantity_price: "Quantité × prix HT", "Quantity × price";
        vat: "TVA", "VAT";
        net: "Total HT", "Total without VAT";
        account: "Compte", "Account";
        deliver_to: "Livrer à", "Deliver to";
        credit: "Encours", "Open";
        tracking: "Suivi", "Tracking";
        reason: "Motif", "Reason";
        history: "Historique", "History";
        confirm: "Confirmer la commande", "Confirm the order";
        approve: "Lever la retenue", "Let it go on";
        cancel: "Annuler la commande…", "Cancel the order…";
        cancel_rest: "Annuler le reste…", "Cancel the rest…";
        cancel_title: "Annuler la commande", "Cancel the order";
        cancel_rest_title: "Annuler le reste de la commande", "Cancel the rest of the order";
        cancel_hint: "Ce qui était réservé redevient libre. Une annulation ne se reprend pas.", "What was reserved is free again. A cancellation cannot be taken back.";
        cancel_rest_hint: "Ce qui est parti reste expédié, le reste redevient libre. Cela ne se reprend pas.", "What has left stays shipped, the rest is free again. This cannot be taken back.";
        cancel_do: "Annuler la commande", "Cancel the order";
        cancel_rest_do: "Annuler le reste", "Cancel the rest";
        keep: "Ne pas annuler", "Keep the order";
        reason_hint: "Il est gardé avec la commande.", "It is kept with the order.";
        done_placed: "La commande est passée.", "The order has been placed.";
        done_confirmed: "La commande est confirmée.", "The order has been confirmed.";
        done_approved: "La retenue est levée.", "The order goes on.";
        done_cancelled: "La commande est annulée.", "The order has been cancelled.";
        done_rest: "Le reste est annulé.", "The rest has been cancelled.";
        changed: "Quelqu'un a changé cette commande entre-temps. Voici son état actuel : rien n'a été fait.", "Somebody changed this order meanwhile. This is how it is now: nothing was done.";
        choose_customer: "Choisissez un client de la liste.", "Choose a customer from the list.";
        choose_product: "Choisissez un article de la liste.", "Choose a product from the list.";
        reference: "Votre numéro", "Your number";
        reference_hint: "Celui de vos livres, s'il y en a un.", "The one in your books, if there is one.";
        promised_on: "Promise pour le", "Promised for";
        back_order: "Attendre ce qui manque", "Wait for what is short";
        back_order_hint: "Sinon, la commande est refusée s'il n'y a pas assez de stock.", "Otherwise the order is refused if there is too little in stock.";
        quantity: "Quantité", "Quantity";
        price: "Prix HT", "Price";
        price_hint: "Vide : celui des tarifs", "Empty: the listed one";
        more_lines: "Ajouter une ligne", "Add a line";
        amend: "Modifier…", "Change…";
        amend_title: "Modifier la commande", "Change the order";
        amend_hint: "Une ligne gardée garde son prix. Ce qui n'est plus commandé redevient libre.", "A line that is kept keeps its price. What is not ordered any more is free again.";
        amend_do: "Enregistrer la commande", "Save the order";
        done_amended: "La commande est modifiée.", "The order has been changed.";
        take_off: "Retirer cette ligne", "Take this line off";
        own_address_hint: "Tout vide : l'adresse du client.", "All empty: the customer's address.";
        line1: "Adresse", "Address";
        line2: "Complément", "Second line";
        postal_code: "Code postal", "Postal code";
        city: "Ville", "City";
        country: "Pays", "Country";
        country_hint: "En deux lettres, comme FR.", "In two letters, such as FR.";
        ship: "Expédier…", "Ship…";
        invoice: "Facturer ce qui est parti", "Invoice what has left";
        see_draft: "Voir le brouillon de facture", "See the draft invoice";
        receive_payment: "Enregistrer un paiement…", "Record a payment…";
        invoices: "Factures", "Invoices";
        own_id: "Identifiant", "Id";
        take_back: "Reprendre des articles…", "Take products back…";
        picking_list: "Liste de prélèvement", "Picking list";
        shipments: "Expéditions", "Shipments";
        returns: "Retours", "Returns";
        deposits: "Acomptes", "Deposits";
        deposit_open: "Reste à payer :", "To be paid:";
        deposit: "Facturer un acompte…", "Invoice a deposit…";
        deposit_title: "Facturer un acompte", "Invoice a deposit";
        deposit_hint: "Un brouillon de facture est fait. Payé, l'acompte est déduit des factures de la commande.", "A draft of an invoice is made. Once paid, the deposit is taken off the invoices of the order.";
        percent: "Pourcentage du total HT", "Percentage of the total without VAT";
        percent_hint: "Ou un montant, pas les deux.", "Or an amount, not both.";
        deposit_amount: "Montant HT", "Amount without VAT";
        due_on: "À payer pour le", "To be paid by";
        due_hint: "Vide : le jour de la facture.", "Empty: the day of the invoice.";
        note: "Mention sur la facture", "Note on the invoice";
        deposit_do: "Faire le brouillon d'acompte", "Draft the deposit";
        done_deposit: "Le brouillon de facture d'acompte est fait.", "The deposit has been drafted.";
        create_customer: "Créer un client", "Create a customer";
        create_product: "Créer un article", "Create a product";
        no_lines: "Ajoutez au moins un article.", "Add at least one product.";
        submit: "Passer la commande", "Place the order";
    }
}

pub(crate) fn promised_for(customer: Option<&str>, day: Option<&str>, language: Language) -> String {
    let said = match (language, day) {
        (Language::Fr, Some(day)) => format!("promise pour le {day}"),
        (Language::En, Some(day)) => format!("promised for {day}"),
        (Language::Fr, None) => "aucune date promise".to_owned(),
        (Language::En, None) => "no promised day".to_owned(),
    };
    let said = if customer.is_some() { format!(", {said}") } else { said };
    set(&said, language)
}

pub(crate) fn to_pay(amount: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("reste {amount}"),
        Language::En => format!("{amount} to be paid"),
    }
}

/// What an order without a number is called.
pub(crate) fn placed_on(time: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("Commande du {time}"),
        Language::En => format!("Order of {time}"),
    }
}

pub(crate) fn of(part: &str, whole: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("{part} sur {whole}"),
        Language::En => format!("{part} of {whole}"),
    }
}

pub(crate) fn available(units: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("{units} disponibles"),
        Language::En => format!("{units} available"),
    }
}

/// What an event of an order says in its history.
pub(crate) fn event(name: &str, language: Language) -> String {
    let (french, english) = match name {
        "order.placed" => ("Passée", "Placed"),
        "order.confirmed" => ("Confirmée", "Confirmed"),
        "order.amended" => ("Modifiée", "Amended"),
        "order.approved" => ("Retenue levée", "Let go on"),
        "order.reserved" => ("Stock réservé", "Stock reserved"),
        "order.back_ordered" => ("Remise en attente de stock", "Waits for stock again"),
        "order.partly_shipped" | "order.shipment_created" => ("Expédiée en partie", "Partly shipped"),
        "order.shipped" => ("Expédiée", "Shipped"),
        "order.delivered" => ("Livrée", "Delivered"),
        "order.cancelled" => ("Annulée", "Cancelled"),
        "order.returned" => ("Articles repris", "Products taken back"),
        "order.rest_cancelled" => ("Reste annulé", "Rest cancelled"),
        other => return other.to_owned(),
    };
    match language {
        Language::Fr => french.to_owned(),
        Language::En => english.to_owned(),
    }
}
