//! The home page.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// What needs somebody today.
    Home {
        title: "Accueil", "Home";
        place_order: "Passer une commande", "Place an order";
        create_customer: "Créer un client", "Create a customer";
        create_product: "Créer un article", "Create a product";
        receive: "Réceptionner", "Receive goods";
        start: "Pour commencer", "To begin";
        start_done: "Fait", "Done";
        start_to_do: "À faire", "To do";
        start_company: "La société", "The company";
        start_company_why: "Adresse, immatriculation et TVA : une facture doit les dire.", "Address, registration and VAT: an invoice has to say them.";
        start_company_do: "Compléter la société", "Complete the company";
        start_customer: "Un premier client", "A first customer";
        start_customer_why: "À qui vous vendez.", "To whom you sell.";
        start_product: "Un premier article", "A first product";
        start_product_why: "Ce que vous vendez, son prix et sa TVA.", "What you sell, its price and its VAT.";
        start_goods: "Du stock", "Some stock";
        start_goods_why: "Ce qui est arrivé et peut partir. Inutile pour un service.", "What has come and can leave. Not needed for a service.";
        start_order: "Une première commande", "A first order";
        start_order_why: "Sa page dit ensuite quoi faire : confirmer, expédier, facturer, encaisser.", "Its page then says what comes next: confirm, ship, invoice, get paid.";
        today: "Aujourd'hui", "Today";
        orders_today: "Commandes du jour", "Orders today";
        to_prepare: "À préparer", "To prepare";
        to_prepare_hint: "peuvent partir maintenant", "can leave now";
        late: "En retard", "Late";
        none_late: "rien ne traîne", "nothing is late";
        low: "Sous le seuil", "Low";
        low_hint: "articles à réapprovisionner", "products to reorder";
        overdue: "Impayées échues", "Overdue";
        none_overdue: "rien d'échu", "nothing is overdue";
        follow_up: "À suivre", "To follow up";
        nothing: "Rien n'attend quelqu'un. Les nouvelles commandes arriveront ici.", "Nothing waits for anybody. New orders will arrive here.";
        held: "Retenue", "Held";
        held_why: "Retenue : elle passe le plafond de crédit du client.", "Held: it passes the customer's credit limit.";
        see_order: "Voir la commande", "See the order";
        see_invoice: "Voir la facture", "See the invoice";
        overdue_word: "Échue", "Overdue";
        sales: "Ventes, 30 derniers jours", "Sales, last 30 days";
        without_vat: "HT", "without VAT";
        each_day: "par jour", "each day";
        today_bar: "aujourd'hui", "today";
        no_sales: "Aucune vente dans les rapports ces 30 derniers jours.", "No sales in the reports of the last 30 days.";
        table: "Voir le tableau", "See the table";
        day: "Jour", "Day";
        amount: "Montant HT", "Amount without VAT";
        count: "Commandes", "Orders";
    }
}

/// `said` is how the page writes the number of cases: `50+` where there may be more.
pub(crate) fn greeting(name: &str, cases: i64, said: &str, language: Language) -> String {
    let first = name.split_whitespace().next().unwrap_or(name);
    let said = match (language, cases) {
        (Language::Fr, 0) => format!("Bonjour {first}. Rien à suivre."),
        (Language::Fr, 1) => format!("Bonjour {first}. Un dossier à suivre."),
        (Language::Fr, _) => format!("Bonjour {first}. {said} dossiers à suivre."),
        (Language::En, 0) => format!("Hello {first}. Nothing to follow up."),
        (Language::En, 1) => format!("Hello {first}. One case to follow up."),
        (Language::En, _) => format!("Hello {first}. {said} cases to follow up."),
    };
    set(&said, language)
}

pub(crate) fn all_held(count: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("Voir les {count} commandes retenues"),
        Language::En => format!("See the {count} held orders"),
    };
    set(&said, language)
}

pub(crate) fn all_late(count: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("Voir les {count} commandes en retard"),
        Language::En => format!("See the {count} late orders"),
    };
    set(&said, language)
}

pub(crate) fn all_overdue(count: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("Voir les {count} factures échues"),
        Language::En => format!("See the {count} overdue invoices"),
    };
    set(&said, language)
}

pub(crate) fn late_since(promised: Option<&str>, placed: &str, language: Language) -> String {
    let said = match (language, promised) {
        (Language::Fr, Some(day)) => format!("En retard : promise pour le {day}."),
        (Language::Fr, None) => format!("En retard : passée le {placed}, sans date promise."),
        (Language::En, Some(day)) => format!("Late: promised for {day}."),
        (Language::En, None) => format!("Late: placed on {placed}, without a promised day."),
    };
    set(&said, language)
}

pub(crate) fn overdue_since(day: Option<&str>, open: &str, language: Language) -> String {
    let said = match (language, day) {
        (Language::Fr, Some(day)) => format!("Échue depuis le {day}, {open} à payer."),
        (Language::Fr, None) => format!("Échue, {open} à payer."),
        (Language::En, Some(day)) => format!("Overdue since {day}, {open} to be paid."),
        (Language::En, None) => format!("Overdue, {open} to be paid."),
    };
    set(&said, language)
}

/// What the chart shows, for whoever does not see it.
pub(crate) fn chart(from: &str, to: &str, highest: &str, language: Language) -> String {
    let said = match language {
        Language::Fr => format!(
            "Ventes par jour du {from} au {to} : de 0 à {highest}. Les valeurs sont dans le tableau qui suit."
        ),
        Language::En => {
            format!(
                "Sales by day from {from} to {to}: from 0 to {highest}. The values are in the table below."
            )
        }
    };
    set(&said, language)
}
