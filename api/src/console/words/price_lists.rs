//! Price lists, and the groups of customers whose prices they are.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The lists, one of them, its prices.
    PriceLists {
        title: "Listes de prix", "Price lists";
        create: "Créer une liste de prix", "Create a price list";
        edit_title: "Modifier la liste de prix", "Edit the price list";
        list_label: "Listes de prix, par code", "Price lists, by code";
        whose: "Pour", "For";
        everybody: "Tous les clients", "All customers";
        customer: "Client", "Customer";
        customer_hint: "Vide : la liste n'est pas d'un client. Cela ne change plus ensuite.", "Empty: the list is not one customer's. This never changes afterwards.";
        group: "Groupe", "Group";
        no_group: "Aucun", "None";
        groups: "Groupes de clients", "Customer groups";
        products: "Articles", "Products";
        valid_from: "Valable dès le", "Valid from";
        valid_to: "Jusqu'avant le", "Until before";
        valid: "Validité", "Validity";
        validity_hint: "Vide : sans limite.", "Empty: no limit.";
        always: "Toujours", "Always";
        now: "En vigueur", "In force";
        later: "À venir", "To come";
        over: "Finie", "Over";
        state: "État", "State";
        empty: "Aucune liste de prix pour l'instant", "No price lists yet";
        empty_then: "Les prix des articles valent pour tous. Une liste en change pour un client, un groupe ou une période.", "Products' own prices apply to all. A list changes them for a customer, a group or a period.";
        entries: "Prix", "Prices";
        product: "Article", "Product";
        breaks: "Prix HT par quantité", "Prices by quantity";
        change: "Modifier", "Change";
        no_entries: "Aucun prix dans cette liste : fixez le premier.", "No prices in this list: set the first one.";
        export_entries: "Prix en CSV", "Prices as CSV";
        set_price: "Fixer un prix", "Set a price";
        set_price_title: "Fixer le prix d'un article", "Set the price of a product";
        set_price_hint: "Ces lignes remplacent celles que l'article a dans la liste. Sans aucune ligne, il n'y a plus de prix.", "These lines replace those that the product has in the list. Without any line it has no price in it any more.";
        from_quantity: "Dès la quantité", "From quantity";
        from_quantity_hint: "Vide : dès la première.", "Empty: from the first one.";
        unit_price: "Prix HT", "Price";
        more_breaks: "Ajouter une ligne", "Add a line";
        set_do: "Fixer le prix", "Set the price";
        choose_product: "Choisissez un article de la liste.", "Choose a product from the list.";
        choose_customer: "Choisissez un client de la liste.", "Choose a customer from the list.";
        delete_title: "Supprimer la liste de prix", "Delete the price list";
        delete_hint: "Tous ses prix s'en vont. Les commandes passées gardent les leurs. Une suppression ne se reprend pas.", "All of its prices go. Orders that were placed keep theirs. A deletion cannot be taken back.";
        done_saved: "La liste de prix est enregistrée.", "The price list has been saved.";
        done_price: "Le prix est fixé.", "The price has been set.";
    }
}

super::words! {
    /// Groups of customers.
    Groups {
        title: "Groupes de clients", "Customer groups";
        create: "Créer un groupe", "Create a group";
        edit_title: "Modifier le groupe", "Edit the group";
        list_label: "Groupes de clients, par code", "Customer groups, by code";
        customers: "Voir ses clients", "See its customers";
        lists: "Voir ses listes de prix", "See its price lists";
        empty: "Aucun groupe pour l'instant", "No groups yet";
        empty_then: "Un groupe réunit des clients qui ont les mêmes prix.", "A group is of customers who have the same prices.";
        delete_title: "Supprimer le groupe", "Delete the group";
        delete_hint: "Un groupe qui a des clients ou des listes de prix reste. Une suppression ne se reprend pas.", "A group with customers or price lists stays. A deletion cannot be taken back.";
        done_saved: "Le groupe est enregistré.", "The group has been saved.";
    }
}

/// When a list is valid; `None` if it always is.
pub(crate) fn period(from: Option<&str>, to: Option<&str>, language: Language) -> Option<String> {
    let said = match (language, from, to) {
        (_, None, None) => return None,
        (Language::Fr, Some(from), None) => format!("dès le {from}"),
        (Language::Fr, None, Some(to)) => format!("jusqu'avant le {to}"),
        (Language::Fr, Some(from), Some(to)) => format!("du {from} jusqu'avant le {to}"),
        (Language::En, Some(from), None) => format!("from {from}"),
        (Language::En, None, Some(to)) => format!("until before {to}"),
        (Language::En, Some(from), Some(to)) => format!("from {from} until before {to}"),
    };
    Some(set(&said, language))
}
