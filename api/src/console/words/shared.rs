//! What many pages say.

use comptoir_core::application::Role;
use comptoir_core::values::language::Language;

super::words! {
    /// Heads, menus, lists, forms.
    Shared {
        to_content: "Aller au contenu", "Skip to content";
        main_menu: "Principale", "Main";
        shortcuts: "Raccourcis", "Shortcuts";
        menu: "Menu", "Menu";
        search: "Rechercher", "Search";
        search_orders: "Rechercher une commande", "Search orders";
        operations: "Comptoir exploitation", "Comptoir operations";
        all_companies: "Toutes les sociétés", "All companies";
        without_tls: "Mode de développement : cette console n'est pas chiffrée.", "Development mode: this console is not encrypted.";
        home: "Accueil", "Home";
        orders: "Commandes", "Orders";
        to_prepare: "À préparer", "To prepare";
        customers: "Clients", "Customers";
        suppliers: "Fournisseurs", "Suppliers";
        products: "Produits et tarifs", "Products and prices";
        invoices: "Factures", "Invoices";
        payments: "Paiements", "Payments";
        stock: "Stock", "Stock";
        receipts: "Réceptions", "Receipts";
        counts: "Comptages", "Counts";
        movements: "Mouvements", "Movements";
        reports: "Rapports", "Reports";
        imports: "Imports", "Imports";
        users: "Utilisateurs", "Users";
        keys: "Clés", "Keys";
        audit: "Audit", "Audit";
        settings: "Réglages", "Settings";
        overview: "Vue d'ensemble", "Overview";
        outbox: "Outbox", "Outbox";
        dead_letters: "Lettres mortes", "Dead letters";
        replay: "Rejouer", "Replay";
        services: "Services", "Services";
        emails: "E-mails", "E-mails";
        projections: "Projections", "Projections";
        operators: "Exploitants", "Operators";
        export_csv: "Exporter en CSV", "Export CSV";
        views: "Vues", "Views";
        filters: "Filtres", "Filters";
        apply: "Filtrer", "Filter";
        pick_all: "Cocher toutes les lignes de cette page", "Tick all rows of this page";
        one_picked: "1 cochée", "1 ticked";
        picked: "cochées", "ticked";
        add_filter: "Filtre", "Filter";
        clear_all: "Tout effacer", "Clear all";
        remove_filter: "Retirer le filtre", "Remove filter";
        pages: "Pages", "Pages";
        to_beginning: "Revenir au début", "Back to the beginning";
        older: "Plus anciennes", "Older";
        nothing_matches: "Rien ne correspond", "Nothing matches";
        nothing_matches_then: "Aucune ligne n'a tout ce que demandent les filtres.", "No row has all that the filters ask for.";
        show: "Afficher", "Show";
        pause: "Suspendre", "Pause";
        resume: "Reprendre", "Resume";
        one_new: "1 nouvelle", "1 new";
        many_new: "nouvelles", "new";
        changed_here: "Cette page a changé", "This page has changed";
        up_to_date: "À jour à", "Up to date at";
        paused: "Suspendu depuis", "Paused since";
        offline: "Hors ligne depuis", "Offline since";
        session_over: "Votre session est terminée : connectez-vous de nouveau", "Your session is over: log in again";
        retrying: "nouvel essai", "retrying";
        not_shown: "Non affiché :", "Not shown:";
        no_answer: "le serveur ne répond pas", "the server does not answer";
        one_result: "1 résultat", "1 result";
        results: "résultats", "results";
        no_result: "Aucun résultat", "No results";
        keys_title: "Touches", "Keys";
        key_search: "Rechercher", "Search";
        key_filter: "Filtrer", "Filter";
        key_new: "Créer", "New";
        key_rows: "Ligne suivante, précédente", "Next, previous row";
        key_tick: "Cocher la ligne", "Tick the row";
        key_edit: "Changer", "Change";
        key_again: "Renvoyer, rejouer", "Send again, replay";
        key_open: "Ouvrir la ligne", "Open the row";
        key_pause: "Suspendre ou reprendre", "Pause or resume";
        key_go: "Aller à l'accueil, aux commandes", "Go to home, to orders";
        close: "Fermer", "Close";
        more_than_one: "Plusieurs champs sont à corriger", "Several fields need another look";
        one_fault: "Un champ est à corriger", "One field needs another look";
        cannot_be_done: "Cela n'a pas été fait", "This was not done";
        changed_meanwhile: "Quelqu'un a changé cela entre-temps", "Somebody changed this meanwhile";
        changed_then: "Rien n'a été fait. Gardez vos valeurs, ou prenez les leurs.", "Nothing was done. Keep your values, or take theirs.";
        choose_each: "Rien n'a été enregistré. Choisissez chaque valeur, la vôtre ou la leur : le formulaire a ce que vous avez saisi.", "Nothing was saved. Choose each value, yours or theirs: the form has what you typed.";
        same_values: "Rien n'a été fait. Ce que vous voyez ici n'a pas changé : vous pouvez garder vos valeurs.", "Nothing was done. What you see here has not changed: you can keep your values.";
        both_versions: "Les deux versions", "Both versions";
        value: "Valeur", "Value";
        mine: "La mienne", "Mine";
        theirs: "La leur", "Theirs";
        keep_mine: "Garder la mienne", "Keep mine";
        keep_choices: "Enregistrer ces choix", "Save these choices";
        take_theirs: "Prendre la leur", "Take theirs";
        scan: "Scanner un article", "Scan a product";
        scan_hint: "Code-barres, puis Entrée", "Bar code, then Enter";
        unknown_code: "Ce code n'est à aucune ligne", "No row has this code";
        purchases: "Achats", "Purchases";
        back: "Retour", "Back";
        saved: "C'est enregistré.", "Saved.";
    }
}

/// A role as the trade calls it.
pub(crate) fn role(role: Option<Role>, language: Language) -> &'static str {
    match (role, language) {
        (Some(Role::Admin), Language::Fr) => "Administrateur",
        (Some(Role::Admin), Language::En) => "Administrator",
        (Some(Role::Management), Language::Fr) => "Direction",
        (Some(Role::Management), Language::En) => "Management",
        (Some(Role::Sales), Language::Fr) => "Commercial",
        (Some(Role::Sales), Language::En) => "Sales",
        (Some(Role::Warehouse), Language::Fr) => "Magasinier",
        (Some(Role::Warehouse), Language::En) => "Warehouse",
        (None, _) => "",
    }
}
