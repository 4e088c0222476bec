//! What comes back of orders.

super::words! {
    /// The list, one return, and the form.
    Returns {
        title: "Retours", "Returns";
        list_label: "Retours, les plus récents d'abord", "Returns, latest first";
        a_return: "Retour", "Return";
        order: "Commande", "Order";
        customer: "Client", "Customer";
        reason: "Motif", "Reason";
        reason_hint: "Pourquoi le client renvoie ces articles.", "Why the customer sends these products back.";
        received_on: "Reçu le", "Received on";
        today_hint: "Vide : aujourd'hui.", "Empty: today.";
        reference: "Votre numéro", "Your number";
        reference_hint: "Celui de vos livres, s'il y en a un.", "The one in your books, if there is one.";
        order_chip: "Commande", "Order";
        empty: "Aucun retour pour l'instant", "No returns yet";
        empty_then: "Un retour se saisit depuis la commande dont les articles reviennent.", "A return is typed from the order whose products come back.";
        to_orders: "Voir les commandes expédiées", "See the shipped orders";
        made_by: "Fait par", "Made by";
        lines: "Articles", "Products";
        product: "Article", "Product";
        quantity: "Quantité", "Quantity";
        restocked: "Remis en stock", "Back in stock";
        written_off: "Mis au rebut", "Written off";
        outcome: "Devenir", "What becomes of it";
        condition: "Remarque", "Remark";
        condition_hint: "La boîte est déchirée", "The box is torn";
        take_back: "Reprendre des articles", "Take products back";
        take_back_hint: "Ce qui se revend retourne au stock, et va d'abord aux commandes qui l'attendent. Le reste est mis au rebut.", "What can be sold again goes back to stock, and first to the orders that wait for it. The rest is written off.";
        can_come_back: "Parti, pas revenu", "Left, not back";
        comes_back: "Revient", "Comes back";
        restock: "Remettre en stock", "Put back in stock";
        write_off: "Mettre au rebut", "Write off";
        nothing_typed: "Tapez la quantité d'au moins un article.", "Type the quantity of at least one product.";
        nothing_left: "Rien de cette commande n'est parti sans être revenu.", "Nothing of this order has left and not come back.";
        submit: "Enregistrer le retour", "Record the return";
        done: "Le retour est enregistré.", "The return has been recorded.";
    }
}
