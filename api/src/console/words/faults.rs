//! What is wrong with a field, in words: what, why, what now. The API's codes decide; a code without a sentence of its own
//! gets a general one.

use comptoir_core::values::invalid::FieldError;
use comptoir_core::values::language::Language;

use super::{admin_faults, invoice_faults};
use crate::console::format::as_typed;
use crate::console::typography::set;
use crate::error::ApiError;

/// What is wrong with one field.
pub(crate) fn field(fault: &FieldError, language: Language) -> String {
    if let Some(available) = &fault.available {
        let number = as_typed(available, language);
        let said = match language {
            Language::Fr => format!("{number} au plus : c'est ce qui est disponible."),
            Language::En => format!("{number} at most: that is what is available."),
        };
        return set(&said, language);
    }
    if let Some(credit) = &fault.credit {
        let [limit, exposure, total] =
            [&credit.limit, &credit.exposure, &credit.total].map(|amount| as_typed(amount, language));
        let said = match language {
            Language::Fr => format!(
                "La commande ({total}) et l'encours ({exposure}) passent le plafond de crédit ({limit}). Réduisez la commande, ou demandez un autre plafond."
            ),
            Language::En => format!(
                "The order ({total}) and what is open ({exposure}) pass the credit limit ({limit}). Order less, or ask for another limit."
            ),
        };
        return set(&said, language);
    }
    set(by_code(fault.code, language), language)
}

/// What is wrong with the whole.
pub(crate) fn whole(error: &ApiError, language: Language) -> String {
    set(by_code(error.code(), language), language)
}

/// What a code of the API says, where nothing else is known of the fault.
pub(crate) fn code(code: &str, language: Language) -> String {
    set(by_code(code, language), language)
}

fn by_code(code: &str, language: Language) -> &'static str {
    let (french, english) = match code {
        "missing_field" => ("Ce champ est nécessaire : remplissez-le.", "This is needed: fill it in."),
        "not_a_decimal" => ("Écrivez un nombre, comme 12 ou 12,50.", "Write a number, such as 12 or 12.50."),
        "too_precise" => ("Trop de chiffres après la virgule.", "Too many digits after the point."),
        "too_large" => ("Ce nombre est trop grand.", "This number is too large."),
        "not_positive" => ("Il en faut plus de zéro.", "It must be more than zero."),
        "negative" => ("Il en faut zéro ou plus.", "It must be zero or more."),
        "not_a_time" => ("Écrivez une date et une heure.", "Write a date and a time."),
        "service_off" => (
            "Ce service est éteint partout : allumez-le dans la configuration.",
            "This service is off everywhere: turn it on in the settings.",
        ),
        "service_not_found" => {
            ("Aucun processus qui tourne n'a ce service.", "No process that runs has this service.")
        }
        "not_a_date" => ("Écrivez une date du calendrier.", "Write a date of the calendar."),
        "out_of_range" => {
            ("Cette valeur est hors des limites permises.", "This value is outside what is allowed.")
        }
        "before_order" => (
            "C'est avant le jour de la commande : choisissez un jour plus tard.",
            "This is before the day of the order: choose a later day.",
        ),
        "before_shipment" => (
            "C'est avant le jour de la première expédition : choisissez un jour plus tard.",
            "This is before the day of the first shipment: choose a later day.",
        ),
        "too_long" => ("C'est trop long : raccourcissez.", "This is too long: shorten it."),
        "too_short" => ("C'est trop court.", "This is too short."),
        "empty" => ("Ce champ est nécessaire : remplissez-le.", "This is needed: fill it in."),
        "control_character" => ("Un caractère invisible est à retirer.", "An invisible character has to go."),
        "not_a_uuid" | "customer_not_found" | "product_not_found" => {
            ("Choisissez une ligne de la liste.", "Choose a row of the list.")
        }
        "unknown_product" => (
            "Cet article n'existe plus : choisissez-en un autre.",
            "This product is gone: choose another one.",
        ),
        "product_archived" => (
            "Cet article est archivé : choisissez-en un autre.",
            "This product is archived: choose another one.",
        ),
        "order_reference_taken" => (
            "Une autre commande a déjà ce numéro : prenez-en un autre.",
            "Another order has this number: take another one.",
        ),
        "insufficient_stock" => (
            "Il n'y a pas assez de stock. Commandez moins, ou laissez la commande attendre.",
            "There is too little in stock. Order less, or let the order wait.",
        ),
        "no_default_warehouse" => (
            "Aucun dépôt n'est celui par défaut : choisissez-en un dans les réglages.",
            "No warehouse is the default one: choose one in the settings.",
        ),
        "order_state_conflict" => (
            "L'état de la commande a changé : rechargez la page.",
            "The state of the order has changed: load the page again.",
        ),
        "order_partly_shipped" => (
            "Une partie est déjà expédiée : annulez le reste.",
            "A part has been shipped already: cancel the rest.",
        ),
        "order_held" => (
            "La commande est retenue : elle passe le plafond de crédit du client.",
            "The order is held: it passes the customer's credit limit.",
        ),
        "not_stocked" => (
            "Cet article n'est pas tenu en stock : choisissez-en un autre.",
            "This product is not kept in stock: choose another one.",
        ),
        "unknown_supplier" | "unknown_customer" => {
            ("Ce choix n'existe plus : prenez-en un autre.", "This is gone: choose another one.")
        }
        "both_given" => ("Remplissez l'un ou l'autre, pas les deux.", "Fill in one or the other, not both."),
        "not_a_country" => {
            ("Écrivez un pays en deux lettres, comme FR.", "Write a country in two letters, such as FR.")
        }
        "shipment_state_conflict" => (
            "La livraison de cette expédition est déjà notée.",
            "The delivery of this shipment is noted already.",
        ),
        "purchase_order_state_conflict" => (
            "L'état de cet achat ne le permet plus : rechargez la page.",
            "The state of this purchase does not allow it any more: load the page again.",
        ),
        "purchase_order_reference_taken"
        | "return_reference_taken"
        | "stock_document_reference_taken"
        | "inventory_count_reference_taken" => {
            ("Ce numéro est déjà pris : prenez-en un autre.", "This number is taken: take another one.")
        }
        "warehouse_code_taken" => (
            "Un autre dépôt a déjà ce code : prenez-en un autre.",
            "Another warehouse has this code: take another one.",
        ),
        "location_code_taken" => (
            "Un autre emplacement de ce dépôt a déjà ce code : prenez-en un autre.",
            "Another location of this warehouse has this code: take another one.",
        ),
        "warehouse_external_id_taken" | "location_external_id_taken" => (
            "Cet identifiant externe est déjà pris : prenez-en un autre.",
            "This external id is taken: take another one.",
        ),
        "warehouse_archived" | "location_archived" => {
            ("Il est hors service : prenez-en un autre.", "It is out of use: take another one.")
        }
        "warehouse_in_use" | "location_in_use" => {
            ("Il y a encore du stock : déplacez-le d'abord.", "There is stock in it: move that first.")
        }
        "warehouse_is_default" => (
            "C'est le dépôt par défaut : choisissez-en d'abord un autre.",
            "This is the default warehouse: choose another one first.",
        ),
        "warehouse_being_counted" => (
            "Un comptage y est en cours : clôturez-le d'abord.",
            "It is being counted: close the count first.",
        ),
        "stock_frozen" => (
            "Un comptage est en cours ici : rien ne bouge jusqu'à ce qu'il soit clos.",
            "A count is under way here: nothing moves until it is closed.",
        ),
        "no_longer_ordered" => (
            "L'article ou le dépôt est archivé, ou l'article n'est plus tenu en stock : il n'en faut plus.",
            "The product or the warehouse is archived, or the product is not kept in stock: no more is needed.",
        ),
        "stock_reserved" => (
            "Une partie est réservée à des commandes : prenez-en moins.",
            "A part is reserved for orders: take less.",
        ),
        "unknown_warehouse" => ("Choisissez un dépôt en service.", "Choose a warehouse in use."),
        "same_warehouse" => {
            ("Choisissez un autre dépôt que le premier.", "Choose another warehouse than the first.")
        }
        "unknown_location" => (
            "Cet emplacement n'est pas en service dans ce dépôt.",
            "This location is not in use in this warehouse.",
        ),
        "zero" => (
            "Écrivez plus ou moins que zéro, comme 3 ou -2.",
            "Write more or less than zero, such as 3 or -2.",
        ),
        "cost_beyond_value" => (
            "À ce coût, ce qui reste vaudrait moins que rien : écrivez celui auquel les articles sont entrés.",
            "At this cost, what remains would be worth less than nothing: write the one at which the products came.",
        ),
        "required" => ("Ce champ est nécessaire : remplissez-le.", "This is needed: fill it in."),
        "out_of_scope" => ("Cela ne fait pas partie de ce comptage.", "This is not part of this count."),
        "inventory_count_under_way" => (
            "Un autre comptage de ce dépôt est en cours : clôturez-le d'abord.",
            "Another count of this warehouse is under way: close it first.",
        ),
        "inventory_count_incomplete" => (
            "Des lignes ne sont pas comptées : comptez-les, ou dites ce qu'elles deviennent.",
            "Some lines are not counted: count them, or say what becomes of them.",
        ),
        "inventory_count_outdated" => (
            "Le stock d'un article a bougé depuis qu'il a été compté : comptez-le à nouveau.",
            "The stock of a product has moved since it was counted: count it again.",
        ),
        "inventory_count_too_large" => (
            "Il y a trop de lignes : comptez par catégories ou par emplacements.",
            "There are too many lines: count by categories or by locations.",
        ),
        "inventory_count_state_conflict" => (
            "L'état du comptage a changé : rechargez la page.",
            "The state of the count has changed: load the page again.",
        ),
        "idempotency_key_reused" => (
            "Ce formulaire a déjà été envoyé avec d'autres valeurs : rechargez la page.",
            "This form was sent with other values already: load the page again.",
        ),
        "idempotency_key_in_use" => (
            "Ce formulaire est en cours d'envoi : attendez un instant.",
            "This form is being sent: wait a moment.",
        ),
        "customer_code_taken"
        | "supplier_code_taken"
        | "category_code_taken"
        | "price_list_code_taken"
        | "customer_group_code_taken" => (
            "Une autre fiche a déjà ce code : prenez-en un autre.",
            "Another record has this code: take another one.",
        ),
        "product_sku_taken" => (
            "Un autre article a déjà cette référence : prenez-en une autre.",
            "Another product has this SKU: take another one.",
        ),
        "customer_external_id_taken"
        | "supplier_external_id_taken"
        | "product_external_id_taken"
        | "category_external_id_taken" => (
            "Une autre fiche a déjà cet identifiant : prenez-en un autre.",
            "Another record has this id: take another one.",
        ),
        "product_barcode_taken" => {
            ("Un autre article a déjà ce code-barres.", "Another product has this barcode.")
        }
        "customer_has_orders" | "customer_has_invoices" | "customer_has_price_lists" => (
            "Ce client a des commandes, des factures ou des tarifs : il reste.",
            "This customer has orders, invoices or price lists: it stays.",
        ),
        "open_orders" => (
            "Des commandes sont ouvertes : livrez-les ou annulez-les d'abord.",
            "There are open orders: deliver or cancel them first.",
        ),
        "open_invoices" => (
            "Des factures ou des avoirs ne sont pas soldés.",
            "There are invoices or credit notes that are not settled.",
        ),
        "customer_credit" => (
            "Le client a payé plus qu'il ne doit : affectez-le ou remboursez-le d'abord.",
            "The customer has paid more than it owes: use it, or pay it back first.",
        ),
        "kept_shipments" | "kept_invoices" | "kept_payments" => (
            "La loi garde ce client dix ans après sa dernière expédition, facture ou paiement.",
            "The law keeps this customer for ten years after its last shipment, invoice or payment.",
        ),
        "customer_kept" => (
            "Quelque chose est encore ouvert, ou la loi garde ce client : il reste.",
            "Something is still open, or the law keeps this customer: it stays.",
        ),
        "customer_anonymised" => (
            "Ce client est anonymisé : il ne change plus.",
            "This customer is anonymised: it does not change any more.",
        ),
        "supplier_in_use" => (
            "Des achats ou des réceptions nomment ce fournisseur : il reste.",
            "Purchases or receipts name this supplier: it stays.",
        ),
        "category_in_use" => (
            "Cette catégorie a des articles ou d'autres catégories : elle reste.",
            "This category has products or other categories: it stays.",
        ),
        "customer_group_in_use" => (
            "Ce groupe a des clients ou des listes de prix : il reste.",
            "This group has customers or price lists: it stays.",
        ),
        "category_cycle" => (
            "Une catégorie ne peut pas être dans elle-même : choisissez-en une autre.",
            "A category cannot be in itself: choose another one.",
        ),
        "category_too_deep" => ("Dix niveaux de catégories au plus.", "Ten levels of categories at most."),
        "unknown_category" | "unknown_group" | "unknown_value" => {
            ("Choisissez une ligne de la liste.", "Choose a row of the list.")
        }
        "product_in_stock" => (
            "Il y a du stock : il doit être vide pour ce changement.",
            "There is something in stock: it has to be empty for this change.",
        ),
        "price_period_overlaps" => (
            "Une autre liste pour les mêmes clients a déjà un prix de cet article sur cette période.",
            "Another list for the same customers has a price of this product in this period already.",
        ),
        "price_list_full" => {
            ("Cette liste a le maximum de prix.", "This list has as many prices as a list can have.")
        }
        "wrong_type" => (
            "Ce n'est pas le genre de valeur attendu ici : un nombre s'écrit comme 30.",
            "This is not the kind of value that is expected here: a number is written like 30.",
        ),
        "not_an_email" => (
            "Une adresse e-mail a un @, comme ada@docks.example.",
            "An e-mail address has an @, such as ada@docks.example.",
        ),
        "wrong_vat_number" | "not_a_vat_number" => (
            "Ce numéro de TVA ne tient pas : vérifiez ses chiffres.",
            "This VAT number does not hold: check its digits.",
        ),
        "not_a_gtin" => (
            "Un code-barres a 8, 12, 13 ou 14 chiffres : vérifiez-le.",
            "A barcode has 8, 12, 13 or 14 digits: check it.",
        ),
        "forbidden" => {
            ("Votre rôle ne permet pas de changer cela.", "Your role does not allow you to change this.")
        }
        "too_many" => ("Il y en a trop.", "There are too many of them."),
        "import_state_conflict" => (
            "L'état de l'import a changé : rechargez la page.",
            "The state of the import has changed: load the page again.",
        ),
        "too_many_imports" => (
            "Trop d'imports sont en cours : attendez que l'un d'eux soit terminé.",
            "Too many imports are under way: wait until one of them is over.",
        ),
        "wrong_password" => ("Ce n'est pas votre mot de passe actuel.", "This is not your present password."),
        "common_password" | "too_common" => (
            "Ce mot de passe est trop connu : prenez-en un autre.",
            "This password is too well known: take another one.",
        ),
        "contains_email" => (
            "Ce mot de passe ressemble à votre adresse : prenez-en un autre.",
            "This password is like your address: take another one.",
        ),
        other => invoice_faults::said(other)
            .or_else(|| admin_faults::said(other))
            .unwrap_or(("Cette valeur ne peut pas être acceptée.", "This value cannot be accepted.")),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}
