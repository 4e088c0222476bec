//! What leaves: the orders to prepare, shipments, what is printed for them.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// To prepare, to ship, shipments, the picking list and the delivery note.
    Shipping {
        to_prepare: "À préparer", "To prepare";
        to_prepare_hint: "Tout y est : les plus anciennes d'abord.", "All of it is there: the oldest first.";
        to_prepare_list: "Commandes à préparer, les plus anciennes d'abord", "Orders to prepare, oldest first";
        nothing_to_prepare: "Rien à préparer", "Nothing to prepare";
        nothing_to_prepare_then: "Une commande confirmée arrive ici dès que tous ses articles sont réservés.", "A confirmed order comes here as soon as all its products are reserved.";
        all_warehouses: "Tous les dépôts", "All warehouses";
        lines_left: "Lignes", "Lines";
        number: "Commande", "Order";
        customer: "Client", "Customer";
        promised: "Promise", "Promised";
        prepare: "Expédier", "Ship";
        title: "Expéditions", "Shipments";
        list_label: "Expéditions, les plus récentes d'abord", "Shipments, latest first";
        all: "Toutes", "All";
        on_the_way: "En route", "On the way";
        arrived: "Livrées", "Delivered";
        delivered: "Livrée", "Delivered";
        shipment: "Expédition", "Shipment";
        shipped_on: "Partie le", "Left on";
        delivered_on: "Livrée le", "Delivered on";
        tracking: "Numéro de suivi", "Tracking number";
        tracking_hint: "Vide si vous livrez vous-même.", "Empty if you deliver it yourself.";
        state: "État", "State";
        empty: "Aucune expédition pour l'instant", "No shipments yet";
        empty_then: "Ce qui part d'une commande apparaît ici, avec son bon de livraison.", "What leaves of an order appears here, with its delivery note.";
        to_prepare_link: "Voir ce qui est à préparer", "See what is to prepare";
        order_chip: "Commande", "Order";
        made_by: "Faite par", "Made by";
        lines: "Articles", "Products";
        product: "Article", "Product";
        quantity: "Quantité", "Quantity";
        parcels: "Colis", "Parcels";
        parcels_hint: "Combien le transporteur en compte.", "How many the carrier counts.";
        each_parcel: "Suivi et poids de chaque colis, s'ils en ont", "Tracking and weight of each parcel, if they have them";
        more_parcels: "Ajouter des colis", "Add parcels";
        parcel: "Colis", "Parcel";
        weight: "Poids en kg", "Weight in kg";
        deliver: "Noter la livraison", "Note the delivery";
        today_hint: "Vide : aujourd'hui.", "Empty: today.";
        invoice: "Facturer ce qui est parti", "Invoice what has left";
        done_shipped: "C'est expédié. Imprimez le bon de livraison.", "Shipped. Print the delivery note.";
        done_delivered: "La livraison est notée.", "The delivery is noted.";
        ship_title: "Expédier", "Ship";
        left_to_ship: "Reste à expédier", "Left to ship";
        place: "Place", "Place";
        gone: "Expédié", "Shipped";
        left: "Reste", "Left";
        to_ship: "À expédier", "To ship";
        complete: "Complet", "Complete";
        waits: "Attend du stock", "Waits for stock";
        ship_do: "Expédier ces quantités", "Ship these quantities";
        ship_then: "Le bon de livraison vient ensuite.", "The delivery note comes next.";
        nothing_typed: "Tapez la quantité d'au moins un article.", "Type the quantity of at least one product.";
        nothing_there: "Rien ne peut partir maintenant : les articles attendent du stock.", "Nothing can leave now: the products wait for stock.";
        not_confirmed: "Rien ne peut partir : la commande n'est pas confirmée, ou elle est retenue.", "Nothing can leave: the order is not confirmed, or it is held.";
        picking_list: "Liste de prélèvement", "Picking list";
        delivery_note: "Bon de livraison", "Delivery note";
        picked: "Pris", "Picked";
        no_place: "sans place", "no place";
        deliver_to: "Livrer à", "Deliver to";
        warehouse: "Dépôt", "Warehouse";
        ordered_on: "Commandée le", "Ordered on";
        prepared_by: "Préparé par, date", "Prepared by, date";
        received_by: "Reçu par, date, signature", "Received by, date, signature";
        nothing_reserved: "Aucun article n'est réservé pour cette commande.", "Nothing is reserved for this order.";
    }
}

pub(crate) fn shipment_number(number: i16, language: Language) -> String {
    match language {
        Language::Fr => format!("Expédition {number}"),
        Language::En => format!("Shipment {number}"),
    }
}

pub(crate) fn parcels_at_most(most: usize, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("Écrivez un nombre de 0 à {most} : c'est ce qu'une expédition peut avoir."),
        Language::En => format!("Write a number from 0 to {most}: that is what a shipment can have."),
    };
    set(&said, language)
}
