//! Inventory counts.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The list, one count, and the page by which it is counted.
    Counts {
        title: "Comptages", "Counts";
        count: "Comptage", "Count";
        plan: "Préparer un comptage", "Plan a count";
        plan_hint: "Les marchandises bougent encore jusqu'à ce qu'il commence.", "Goods still move until it begins.";
        plan_do: "Préparer le comptage", "Plan the count";
        all: "Tous", "All";
        open_view: "Préparés", "Planned";
        counting_view: "En cours", "Under way";
        review_view: "À décider", "To decide";
        closed_view: "Clos", "Closed";
        cancelled_view: "Annulés", "Cancelled";
        open: "Préparé", "Planned";
        counting: "En cours", "Under way";
        in_review: "À décider", "To decide";
        closed: "Clos", "Closed";
        cancelled: "Annulé", "Cancelled";
        warehouse: "Dépôt", "Warehouse";
        all_warehouses: "Tous", "All";
        scope: "Étendue", "Scope";
        whole: "Tout le dépôt", "The whole warehouse";
        some_categories: "Des catégories", "Some categories";
        some_locations: "Des emplacements", "Some locations";
        choose_categories: "Choisissez au moins une catégorie.", "Choose at least one category.";
        which_locations: "Lesquels", "Which ones";
        which_locations_hint: "Des codes ou leur début, séparés par des virgules : B-04, C", "Codes or how they begin, separated by commas: B-04, C";
        no_such_locations: "Aucun emplacement en service de ce dépôt n'a un tel code.", "No location in use of this warehouse has such a code.";
        blind: "À l'aveugle", "Blind";
        blind_hint: "Qui compte ne voit pas ce qui est attendu.", "Those who count do not see what is expected.";
        state: "État", "State";
        who: "Par", "By";
        planned_at: "Préparé", "Planned";
        empty: "Aucun comptage pour l'instant", "No counts yet";
        empty_then: "Un comptage compare ce qui est là avec ce que disent les livres.", "A count compares what is there with what the books say.";
        reference: "Numéro", "Number";
        reference_hint: "Celui de vos livres, s'il y en a un.", "The one in your books, if there is one.";
        progress: "Compté", "Counted";
        differing: "Écarts", "Differences";
        gained: "Trouvé en plus", "Gained";
        lost: "Manquant", "Lost";
        reason: "Motif", "Reason";
        reason_hint: "Il est gardé avec le comptage.", "It is kept with the count.";
        lines: "Lignes", "Lines";
        no_lines: "Aucune ligne ici. Elles viennent quand le comptage commence.", "No lines here. They come when the count begins.";
        all_lines: "Toutes", "All";
        to_count_view: "À compter", "To count";
        to_recount_view: "À recompter", "To count again";
        differing_view: "Écarts", "Differences";
        to_count: "À compter", "To count";
        counted: "Compté", "Counted";
        to_recount: "À recompter", "To count again";
        product: "Article", "Product";
        location: "Emplacement", "Location";
        expected: "Attendu", "Expected";
        difference: "Écart", "Difference";
        value: "Valeur", "Value";
        start: "Commencer le comptage", "Begin the count";
        go_count: "Compter", "Count";
        review_more: "Terminer le comptage…", "End the counting…";
        review: "Terminer le comptage", "End the counting";
        review_hint: "Les écarts sont décidés ensuite. Rien ne bouge jusque-là.", "Differences are decided then. Nothing moves until then.";
        review_do: "Terminer le comptage", "End the counting";
        uncounted: "Ce qui n'est pas compté", "What is not counted";
        leave: "Laisser les livres tels quels", "Leave the books as they are";
        leave_hint: "On n'en sait rien.", "Nothing is known of it.";
        zero: "Il n'y a rien", "Nothing is there";
        zero_hint: "Ces articles sont comptés à zéro, en votre nom.", "These products are counted as zero, in your name.";
        close_more: "Clore le comptage…", "Close the count…";
        close: "Clore le comptage", "Close the count";
        close_hint: "Les écarts passent dans les livres au coût moyen, et les marchandises bougent à nouveau. Cela ne se reprend pas.", "Differences are posted at average cost, and goods move again. This cannot be taken back.";
        close_do: "Clore et corriger le stock", "Close and adjust the stock";
        date: "Date des écarts", "Date of the differences";
        date_hint: "Vide : aujourd'hui.", "Empty: today.";
        cancel_more: "Annuler le comptage…", "Cancel the count…";
        cancel: "Annuler le comptage", "Cancel the count";
        cancel_hint: "Rien n'est corrigé, et les marchandises bougent à nouveau. Ce qui a été compté est gardé.", "Nothing is posted, and goods move again. What was counted is kept.";
        cancel_do: "Annuler le comptage", "Cancel the count";
        back: "Revenir au comptage", "Back to the count";
        recount: "Recompter", "Count again";
        recount_do: "Faire recompter les lignes cochées", "Have the ticked lines counted again";
        done_planned: "Le comptage est préparé.", "The count has been planned.";
        done_started: "Le comptage a commencé : rien ne bouge jusqu'à sa clôture.", "The count has begun: nothing moves until it is closed.";
        done_recount: "Ces lignes sont à recompter.", "These lines are to be counted again.";
        done_review: "Le comptage est terminé, les écarts sont à décider.", "The counting has ended, the differences are to be decided.";
        done_closed: "Le comptage est clos, le stock est corrigé.", "The count is closed, and the stock is adjusted.";
        done_cancelled: "Le comptage est annulé.", "The count has been cancelled.";
        changed: "Quelqu'un a changé ce comptage entre-temps. Voici son état actuel : rien n'a été fait.", "Somebody changed this count meanwhile. This is how it is now: nothing was done.";
        leave_sheet: "Quitter", "Leave";
        saved: "Enregistré", "Saved";
        waiting: "En attente", "Waiting";
        failed: "Échec", "Failed";
        not_saved: "Pas enregistrés", "Not saved";
        retry: "Réessayer", "Try again";
        drop: "Retirer", "Remove";
        last: "Derniers comptages", "Last counted";
        correct: "Corriger", "Correct";
        scan: "Scanner l'article ou la place", "Scan the product or the place";
        scan_place: "Scanner la place d'abord", "Scan the place first";
        code: "Code-barres", "Barcode";
        search: "Chercher", "Find";
        type_it: "Taper", "Type";
        quantity: "Quantité comptée", "Counted quantity";
        one_less: "Un de moins", "One less";
        one_more: "Un de plus", "One more";
        again_adds: "Un scan du même article ajoute 1.", "A scan of the same product adds 1.";
        nothing: "Rien ici", "Nothing here";
        validate: "Valider {n} et continuer", "Enter {n} and go on";
        unknown_code: "Ni article ni place de ce comptage n'a ce code.", "No product and no place of this count has this code.";
        place_first: "Scannez d'abord la place où il se trouve.", "Scan the place where it lies first.";
        code_as_quantity: "C'est un code-barres, pas une quantité : scannez-le en haut.", "This is a barcode and no quantity: scan it above.";
    }
}

/// What the button says that enters a quantity.
pub(crate) fn validate(quantity: &str, language: Language) -> String {
    Counts::of(language).validate.to_string().replace("{n}", quantity)
}

pub(crate) fn of(part: &str, whole: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("{part} sur {whole}"),
        Language::En => format!("{part} of {whole}"),
    }
}

pub(crate) fn counted(shown: &str, number: i64, language: Language) -> String {
    match language {
        Language::Fr if number < 2 => format!("{shown} compté"),
        Language::Fr => format!("{shown} comptés"),
        Language::En => format!("{shown} counted"),
    }
}

pub(crate) fn remaining(shown: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("reste {shown}"),
        Language::En => format!("{shown} left"),
    }
}

pub(crate) fn left(shown: &str, number: i64, language: Language) -> String {
    let said = match (language, number) {
        (Language::Fr, 1) => "1 ligne n'est pas comptée.".to_owned(),
        (Language::Fr, _) => format!("{shown} lignes ne sont pas comptées."),
        (Language::En, 1) => "1 line is not counted.".to_owned(),
        (Language::En, _) => format!("{shown} lines are not counted."),
    };
    set(&said, language)
}

pub(crate) fn differ(shown: &str, number: i64, language: Language) -> String {
    let said = match (language, number) {
        (Language::Fr, 0) => "Aucune ligne ne diffère des livres.".to_owned(),
        (Language::Fr, 1) => "1 ligne diffère des livres.".to_owned(),
        (Language::Fr, _) => format!("{shown} lignes diffèrent des livres."),
        (Language::En, 0) => "No line differs from the books.".to_owned(),
        (Language::En, 1) => "1 line differs from the books.".to_owned(),
        (Language::En, _) => format!("{shown} lines differ from the books."),
    };
    set(&said, language)
}
