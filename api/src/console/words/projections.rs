//! Events that arrived for the reports.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The list, and what is decided about those that failed.
    Projections {
        title: "Ce qui manque aux rapports", "What the reports lack";
        hint: "Un événement en échec retient ceux qui suivent du même objet, jusqu'à ce que vous décidiez.", "An event that failed holds the later ones of the same object, until you decide.";
        dead_view: "En échec", "Failed";
        all: "Tous", "All";
        waiting: "En attente", "Waiting";
        applied: "Appliqué", "Applied";
        dead: "En échec", "Failed";
        discarded: "Passé", "Passed over";
        event: "Événement", "Event";
        state: "État", "State";
        attempts: "Essais", "Attempts";
        received: "Arrivé", "Arrived";
        list_label: "Événements, les plus récents d'abord", "Events, latest first";
        requeue: "Réessayer", "Try again";
        discard: "Passer outre", "Pass over";
        none: "Rien ne manque aux rapports", "The reports lack nothing";
        none_then: "Les événements qui ne peuvent pas être appliqués apparaîtront ici.", "Events that cannot be applied will appear here.";
        nothing_chosen: "Aucun événement n'était coché : rien n'a été fait.", "No event was ticked: nothing was done.";
    }
}

/// What came of the ticked ones.
pub(crate) fn chosen(done: usize, refused: usize, language: Language) -> String {
    let said = match language {
        Language::Fr => format!("Décidés : {done}. Laissés comme ils étaient : {refused}."),
        Language::En => format!("Decided: {done}. Left as they were: {refused}."),
    };
    set(&said, language)
}

/// The name of a box.
pub(crate) fn tick(event: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("Cocher {event}"),
        Language::En => format!("Tick {event}"),
    }
}
