//! Stock: levels, movements, documents, value.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The pages of stock.
    Stock {
        title: "Stock", "Stock";
        list_label: "Stock par article et dépôt", "Stock by product and warehouse";
        all: "Tout", "All";
        low_view: "À réapprovisionner", "To reorder";
        low: "Stock bas", "Low";
        awaited: "Attendu par des commandes", "Orders wait for it";
        search: "Article ou référence", "Product or SKU";
        all_warehouses: "Tous", "All";
        warehouses: "Dépôts", "Warehouses";
        warehouse: "Dépôt", "Warehouse";
        product: "Article", "Product";
        products: "Articles", "Products";
        sku: "Référence", "SKU";
        category: "Catégorie", "Category";
        location: "Emplacement", "Location";
        locations: "Emplacements", "Locations";
        unlocated: "Sans emplacement", "In no location";
        on_hand: "En stock", "On hand";
        reserved: "Réservé", "Reserved";
        available: "Disponible", "Available";
        waiting: "Attendu", "Waited for";
        state: "État", "State";
        value: "Valeur", "Value";
        average: "Coût moyen", "Average cost";
        empty: "Aucun stock pour l'instant", "No stock yet";
        empty_then: "La première réception d'un article le fait apparaître ici.", "The first receipt of a product makes it appear here.";
        movements: "Mouvements", "Movements";
        all_movements: "Tous les mouvements", "All movements";
        no_movements: "Aucun mouvement pour l'instant", "No movements yet";
        no_movements_then: "Chaque réception, expédition ou correction en laisse un ici.", "Each receipt, shipment or correction leaves one here.";
        since: "Depuis le", "Since";
        before: "Avant le", "Before";
        kind: "Nature", "Kind";
        all_kinds: "Toutes", "All";
        recorded: "Enregistré", "Recorded";
        afterwards: "Reste", "Afterwards";
        who: "Par", "By";
        kind_receipt: "Réception", "Receipt";
        kind_issue: "Expédition", "Shipment";
        kind_transfer: "Transfert", "Transfer";
        kind_adjustment: "Correction", "Adjustment";
        kind_return: "Retour", "Return";
        kind_write_off: "Perte", "Write-off";
        kind_reservation: "Réservation", "Reservation";
        kind_release: "Réservation levée", "Release";
        kind_relocation: "Rangement", "Relocation";
        reservations: "Réservations", "Reservations";
        reservations_hint: "Les dernières promesses à des commandes. Une promesse peut être levée ou expédiée depuis : la page de la commande le dit.", "The latest promises to orders. A promise may have been released or shipped since: the order's page says so.";
        document: "Document", "Document";
        order: "Commande", "Order";
        rule: "Seuil de réapprovisionnement", "Reorder rule";
        rule_edit: "Changer le seuil", "Change the rule";
        rule_hint: "Le stock est bas dès que le disponible est au seuil ou dessous. Rien n'est commandé de soi-même.", "The stock is low once what is available is at the point or below. Nothing is ordered by itself.";
        point: "Seuil", "Point";
        point_hint: "Dans l'unité de l'article.", "In the product's unit.";
        rule_quantity: "Quantité à commander", "Quantity to order";
        rule_save: "Enregistrer le seuil", "Save the rule";
        rule_end: "Supprimer le seuil", "Remove the rule";
        no_rule: "Aucun seuil n'est fixé.", "No rule is set.";
        done_rule: "Le seuil est enregistré.", "The rule has been saved.";
        done_no_rule: "Le seuil est supprimé.", "The rule has been removed.";
        value_title: "Valeur du stock", "Stock value";
        value_on: "À la fin du", "At the end of";
        by_product: "Par article, en CSV", "By product, as CSV";
        total: "Total", "Total";
        no_value: "Rien n'était en stock ce jour-là", "Nothing was on hand that day";
        receipts: "Réceptions", "Receipts";
        adjustments: "Corrections", "Adjustments";
        write_offs: "Pertes", "Write-offs";
        transfers: "Transferts", "Transfers";
        relocations: "Rangements", "Relocations";
        no_documents: "Aucun document de cette nature", "No document of this kind";
        no_documents_then: "Chaque mouvement de marchandises en laisse un ici.", "Whatever moves goods leaves one here.";
        about: "Document", "Document";
        lines: "Articles", "Products";
        done_posted: "C'est enregistré, le stock est à jour.", "It is recorded, and the stock is up to date.";
        receive: "Réceptionner", "Receive goods";
        receive_hint: "Ce qui arrive entre en stock tout de suite.", "What comes is on hand at once.";
        receive_do: "Entrer en stock", "Put into stock";
        transfer: "Transférer", "Transfer";
        transfer_hint: "D'un dépôt à un autre.", "From one warehouse to another.";
        transfer_do: "Transférer les articles", "Transfer the products";
        relocate: "Ranger", "Relocate";
        relocate_hint: "D'un emplacement à un autre du même dépôt. Ce qui n'est dans aucun emplacement se laisse vide.", "From one location to another of the same warehouse. Empty is in no location.";
        relocate_do: "Ranger les articles", "Relocate the products";
        from_location: "De l'emplacement", "From the location";
        adjust: "Corriger", "Adjust";
        adjust_hint: "Ce qu'il y a de plus ou de moins que dans les livres : 3, ou -2.", "What there is more or less than in the books: 3, or -2.";
        adjust_costs_hint: "Ce qu'il y a de plus ou de moins que dans les livres : 3, ou -2. Un coût avec moins le sort du coût moyen, pour corriger une entrée à un coût faux.", "What there is more or less than in the books: 3, or -2. A cost with less goes out of the average cost, which corrects a receipt at a wrong cost.";
        adjust_do: "Corriger le stock", "Adjust the stock";
        write_off: "Sortir en perte", "Write off";
        write_off_hint: "Ce qui est cassé, périmé ou perdu.", "What is broken, spoilt or lost.";
        write_off_do: "Sortir les articles", "Write the products off";
        scan: "Scanner un article", "Scan a product";
        scan_hint: "Code-barres ou référence. Le même article une autre fois : un de plus.", "Barcode or SKU. The same product once more: one more.";
        add: "Ajouter", "Add";
        unknown_code: "Aucun article n'a ce code : vérifiez-le, ou cherchez l'article par son nom.", "No product has this code: check it, or search the product by its name.";
        choose_warehouse: "Choisissez", "Choose";
        to_warehouse: "Vers le dépôt", "To the warehouse";
        to_location: "Vers l'emplacement", "To the location";
        unknown_location: "Aucun emplacement en service n'a ce code dans ce dépôt.", "No location in use has this code in this warehouse.";
        choose_product: "Choisissez un article de la liste.", "Choose a product from the list.";
        no_lines: "Ajoutez au moins un article.", "Add at least one product.";
        reference: "Numéro", "Number";
        reference_hint: "Celui de vos livres ou du fournisseur, s'il y en a un.", "The one in your books or the supplier's, if there is one.";
        reason: "Motif", "Reason";
        date: "Date", "Date";
        date_hint: "Vide : aujourd'hui.", "Empty: today.";
        quantity: "Quantité", "Quantity";
        change: "En plus ou en moins", "More or less";
        unit_cost: "Coût unitaire", "Unit cost";
    }
}

/// The day of which a value is.
pub(crate) fn at_the_end_of(day: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("À la fin du {day}, au coût moyen"),
        Language::En => format!("At the end of {day}, at average cost"),
    };
    set(&said, language)
}
