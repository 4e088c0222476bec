//! Products and their categories.

use comptoir_core::values::language::Language;

super::words! {
    /// The list, one product, and the forms.
    Products {
        title: "Produits et tarifs", "Products and prices";
        create: "Créer un article", "Create a product";
        receive: "Réceptionner", "Receive goods";
        edit_title: "Modifier l'article", "Edit the product";
        list_label: "Articles, par référence", "Products, by SKU";
        sku: "Référence", "SKU";
        price: "Prix HT", "Price";
        price_hint: "D'une unité, sans TVA.", "Of one unit, without VAT.";
        vat_rate: "TVA en %", "VAT in %";
        vat: "TVA", "VAT";
        unit: "Unité", "Unit";
        unit_hint: "Code UN/ECE : C62 pour une pièce, KGM pour un kilo.", "A UN/ECE code: C62 for a piece, KGM for a kilogram.";
        decimals: "Décimales des quantités", "Decimals of quantities";
        nature: "Nature", "Nature";
        goods: "Bien", "Goods";
        service: "Service", "Service";
        stocked: "Tenu en stock", "Kept in stock";
        category: "Catégorie", "Category";
        no_category: "Sans catégorie", "In none";
        all_categories: "Toutes", "All";
        barcodes: "Codes-barres", "Barcodes";
        barcode: "Code-barres", "Barcode";
        more_barcodes: "Ajouter un code-barres", "Add a barcode";
        on_sale: "En vente", "On sale";
        archived_view: "Archivés", "Archived";
        all: "Tous", "All";
        sold: "En vente", "On sale";
        archived: "Archivé", "Archived";
        state: "État", "State";
        empty: "Aucun article pour l'instant", "No products yet";
        empty_then: "Créez le premier ici, ou importez un fichier.", "Create the first one here, or import a file.";
        categories: "Catégories", "Categories";
        price_lists: "Listes de prix", "Price lists";
        stock: "Stock par dépôt", "Stock by warehouse";
        warehouse: "Dépôt", "Warehouse";
        on_hand: "Présent", "On hand";
        reserved: "Réservé", "Reserved";
        available: "Disponible", "Available";
        waiting: "Attendu par des commandes", "Waited for";
        no_stock: "Rien n'est entré en stock.", "Nothing has come into stock.";
        prices: "Prix du jour", "Prices of today";
        quantity: "Quantité", "Quantity";
        applied: "Vient de", "Comes from";
        own_price: "Prix de l'article", "The product's price";
        yes: "Oui", "Yes";
        no: "Non", "No";
        archive: "Archiver l'article…", "Archive the product…";
        archive_title: "Archiver l'article", "Archive the product";
        archive_hint: "Il n'est plus vendu. Les commandes qui le nomment restent. Cela ne se reprend pas.", "It is not sold any more. Orders that name it stay. This cannot be taken back.";
        archive_do: "Archiver l'article", "Archive the product";
        delete_title: "Supprimer l'article", "Delete the product";
        delete_hint: "Un article qu'une commande nomme est archivé. Cela ne se reprend pas.", "A product that an order names is archived. This cannot be taken back.";
        done_saved: "L'article est enregistré.", "The product has been saved.";
        done_archived: "L'article est archivé.", "The product has been archived.";
        done_removed: "L'article est supprimé, ou archivé si une commande le nomme.", "The product has been deleted, or archived if an order names it.";
        search: "Nom, référence ou identifiant", "Name, SKU or id";
    }
}

super::words! {
    /// Categories.
    Categories {
        title: "Catégories", "Categories";
        create: "Créer une catégorie", "Create a category";
        edit_title: "Modifier la catégorie", "Edit the category";
        list_label: "Catégories, par code", "Categories, by code";
        parent: "Dans", "In";
        top: "Tout en haut", "At the top";
        products: "Voir ses articles", "See its products";
        empty: "Aucune catégorie pour l'instant", "No categories yet";
        empty_then: "Les catégories rangent les articles : créez la première ici.", "Categories put products in order: create the first one here.";
        delete_title: "Supprimer la catégorie", "Delete the category";
        delete_hint: "Une catégorie où il y a des articles ou d'autres catégories reste. Une suppression ne se reprend pas.", "A category with products or other categories in it stays. A deletion cannot be taken back.";
        done_saved: "La catégorie est enregistrée.", "The category has been saved.";
        back_to_products: "Articles", "Products";
    }
}

/// From how many units on a price applies.
pub(crate) fn from_quantity(units: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("dès {units}"),
        Language::En => format!("from {units}"),
    }
}
