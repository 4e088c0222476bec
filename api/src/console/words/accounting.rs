//! Reports, and what the accounts need.

use comptoir_core::commerce::accounting::{Purpose, SalesBy, VatDueCause};
use comptoir_core::values::language::Language;

super::words! {
    /// Reports, VAT due, sales, accounts and the export.
    Accounting {
        by_day: "Commandes par jour", "Orders by day";
        by_day_hint: "Ce qui a été commandé, les jours en temps universel.", "What was ordered; days are in UTC.";
        by_product: "Commandes par article", "Orders by product";
        by_product_hint: "Ce qui a été commandé de chaque article.", "What was ordered of each product.";
        by_customer: "Commandes par client", "Orders by customer";
        by_customer_hint: "Ce que chaque client a commandé.", "What each customer ordered.";
        top_products: "Les plus commandés", "Most ordered";
        top_customers: "Les plus gros clients", "Largest customers";
        sales: "Ventes facturées", "Invoiced sales";
        sales_hint: "D'après la date des documents ; les avoirs sont déduits, les acomptes ne sont pas des ventes.", "By the dates of the documents; credit notes are taken off, deposits are no sales.";
        vat_due: "TVA due", "VAT due";
        vat_due_hint: "Biens à la livraison, services à la facture ou au paiement, acomptes au paiement.", "Goods when delivered, services when invoiced or paid, deposits when paid.";
        accounts: "Comptes et export", "Accounts and export";
        accounts_hint: "Sur quels comptes les ventes et les paiements sont passés.", "On which accounts sales and payments are booked.";
        from: "Du", "From";
        to: "au", "to";
        nothing_yet: "Rien dans cette période, ou pas encore.", "Nothing in this period, or not yet.";
        day: "Jour", "Day";
        orders: "Commandes", "Orders";
        cancelled: "Annulées", "Cancelled";
        net: "HT", "Without VAT";
        vat: "TVA", "VAT";
        gross: "TTC", "With VAT";
        product: "Article", "Product";
        code: "Code", "Code";
        quantity: "Quantité", "Quantity";
        customer: "Client", "Customer";
        last_order: "Dernière commande", "Last order";
        documents: "Documents", "Documents";
        deposits: "Acomptes", "Deposits";
        without_product: "Sans article", "Without a product";
        cause: "Fait", "Cause";
        category: "Catégorie", "Category";
        rate: "Taux", "Rate";
        country: "Autre État (guichet unique)", "Other state (one-stop shop)";
        base: "Base", "Base";
        total: "Total", "Total";
        fec: "Fichier des écritures comptables (FEC)", "Accounting entries (FEC)";
        fec_hint: "Un exercice au plus. Chaque écriture est équilibrée, ou il n'y a pas de fichier.", "One fiscal year at most. Every entry balances, or there is no file.";
        fec_do: "Télécharger le FEC", "Download the FEC";
        own_accounts: "Comptes de la société", "The company's accounts";
        own_hint: "Ce qui n'en a pas va sur le compte usuel. Une ligne sans numéro ni libellé est retirée.", "What has none is booked on the usual account. A line with neither number nor label is taken away.";
        purpose: "Pour", "For";
        every: "Toutes", "Every";
        account: "Compte", "Account";
        label: "Libellé", "Label";
        save_accounts: "Enregistrer les comptes", "Save the accounts";
        usual: "Comptes usuels", "Usual accounts";
        done_accounts: "Les comptes sont enregistrés.", "The accounts have been saved.";
    }
}

/// Why VAT is due.
pub(crate) fn cause(cause: VatDueCause, language: Language) -> &'static str {
    let (french, english) = match cause {
        VatDueCause::Delivery => ("Biens livrés", "Goods delivered"),
        VatDueCause::Debits => ("Services facturés", "Services invoiced"),
        VatDueCause::Payments => ("Services payés", "Services paid"),
        VatDueCause::Deposits => ("Acomptes payés", "Deposits paid"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

/// By what sales are added up.
pub(crate) fn by(by: SalesBy, language: Language) -> &'static str {
    let (french, english) = match by {
        SalesBy::Day => ("Jour", "Day"),
        SalesBy::Month => ("Mois", "Month"),
        SalesBy::Year => ("Année", "Year"),
        SalesBy::Customer => ("Client", "Customer"),
        SalesBy::Product => ("Article", "Product"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

/// What is booked on an account.
pub(crate) fn purpose(purpose: Purpose, language: Language) -> &'static str {
    let (french, english) = match purpose {
        Purpose::Customers => ("Clients", "Customers"),
        Purpose::Goods => ("Ventes de marchandises", "Sales of goods"),
        Purpose::Services => ("Ventes de services", "Sales of services"),
        Purpose::Vat => ("TVA collectée", "VAT"),
        Purpose::Deposits => ("Acomptes reçus", "Deposits"),
        Purpose::Transfer => ("Virements", "Transfers"),
        Purpose::Card => ("Cartes", "Cards"),
        Purpose::Cheque => ("Chèques", "Cheques"),
        Purpose::Cash => ("Espèces", "Cash"),
        Purpose::DirectDebit => ("Prélèvements", "Direct debits"),
        Purpose::Other => ("Autres", "Others"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}
