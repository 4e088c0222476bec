//! What is ordered from suppliers.

use comptoir_core::values::language::Language;

super::words! {
    /// The list, one purchase order, a new one, and what comes of it.
    Purchases {
        title: "Achats", "Purchases";
        list_label: "Commandes aux fournisseurs, les plus récentes d'abord", "Purchase orders, latest first";
        all: "Toutes", "All";
        expected_view: "Attendues", "Expected";
        received_view: "Reçues", "Received";
        cancelled_view: "Annulées", "Cancelled";
        search: "Numéro", "Number";
        expected_before: "Attendues avant le", "Expected before";
        supplier_chip: "Fournisseur", "Supplier";
        number: "Numéro", "Number";
        supplier: "Fournisseur", "Supplier";
        ordered_on: "Commandée le", "Ordered on";
        expected_on: "Attendue le", "Expected on";
        state: "État", "State";
        ordered: "Commandée", "Ordered";
        partly_received: "Reçue en partie", "Partly received";
        received: "Reçue", "Received";
        late: "En retard", "Late";
        cancelled: "Annulée", "Cancelled";
        empty: "Aucun achat pour l'instant", "No purchases yet";
        empty_then: "Notez ici ce que vous commandez : les réceptions diront ce qui est venu.", "Note here what you order: receipts will say what has come.";
        new: "Commander à un fournisseur", "Order from a supplier";
        new_hint: "Rien n'est envoyé au fournisseur : c'est noté pour la réception.", "Nothing is sent to the supplier: it is noted for the receipt.";
        reference: "Votre numéro", "Your number";
        reference_hint: "Celui de vos livres, s'il y en a un.", "The one in your books, if there is one.";
        today_hint: "Vide : aujourd'hui.", "Empty: today.";
        unknown_hint: "Vide si personne ne le sait.", "Empty if nobody knows.";
        warehouse: "Dépôt", "Warehouse";
        default_warehouse: "Celui par défaut", "The default one";
        lines: "Articles", "Products";
        product: "Article", "Product";
        quantity: "Quantité", "Quantity";
        unit_cost: "Coût HT", "Cost";
        cost_hint: "Vide si rien n'est convenu", "Empty if nothing was agreed";
        more_lines: "Ajouter une ligne", "Add a line";
        choose_supplier: "Choisissez un fournisseur de la liste.", "Choose a supplier from the list.";
        choose_product: "Choisissez un article de la liste.", "Choose a product from the list.";
        no_lines: "Ajoutez au moins un article.", "Add at least one product.";
        submit: "Noter la commande", "Note the order";
        done_ordered: "La commande est notée.", "The order is noted.";
        done_received: "La réception est enregistrée.", "The receipt has been recorded.";
        done_cancelled: "Ce qui n'est pas venu n'est plus attendu.", "What has not come is not expected any more.";
        wanted: "Commandé", "Ordered";
        came: "Reçu", "Received";
        left: "Reste", "Left";
        receive: "Réceptionner…", "Receive…";
        receive_title: "Réceptionner", "Receive";
        receive_hint: "Les commandes qui attendent ces articles les reçoivent aussitôt, les plus anciennes d'abord.", "Orders that wait for these products get them at once, the oldest first.";
        comes: "Reçu maintenant", "Comes now";
        note_number: "Numéro du bon de livraison", "Number of the delivery note";
        note_hint: "Le vôtre ou celui du fournisseur.", "Yours or the supplier's.";
        came_on: "Reçue le", "Came on";
        nothing_typed: "Tapez la quantité d'au moins un article.", "Type the quantity of at least one product.";
        receive_do: "Enregistrer la réception", "Record the receipt";
        cancel: "Annuler le reste…", "Cancel the rest…";
        cancel_title: "Annuler ce qui n'est pas venu", "Cancel what has not come";
        cancel_hint: "Ce qui est reçu reste en stock. Prévenez le fournisseur : rien ne lui est envoyé. Cela ne se reprend pas.", "What has come stays in stock. Tell the supplier: nothing is sent. This cannot be taken back.";
        cancel_do: "Annuler le reste", "Cancel the rest";
        keep: "Ne pas annuler", "Keep it";
    }
}

/// What an order from a supplier is called that has no number.
pub(crate) fn ordered_on(day: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("Commande fournisseur du {day}"),
        Language::En => format!("Purchase order of {day}"),
    }
}
