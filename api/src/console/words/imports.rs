//! Imports.

use comptoir_core::commerce::imports::{ImportKind, ImportMode};
use comptoir_core::values::language::Language;

use super::faults;
use crate::console::typography::{Word, set};

super::words! {
    /// The list, one import, and the form.
    Imports {
        title: "Imports", "Imports";
        create: "Importer un fichier", "Import a file";
        list_label: "Imports, les plus récents d'abord", "Imports, latest first";
        hint: "Un fichier CSV avec les noms des colonnes en première ligne, ou un objet JSON par ligne. 100 000 lignes au plus.", "A CSV file with the names of the columns in its first line, or a JSON object in each line. 100,000 rows at most.";
        kind: "Contenu", "Content";
        customers: "Clients", "Customers";
        suppliers: "Fournisseurs", "Suppliers";
        products: "Articles", "Products";
        stock: "Stock de départ", "Opening stock";
        prices: "Prix", "Prices";
        mode: "Lignes déjà connues", "Rows that are known";
        mode_create: "Les refuser", "Refuse them";
        mode_upsert: "Les mettre à jour", "Update them";
        mode_hint: "Une ligne est connue si son code ou sa référence existe.", "A row is known if its code or SKU exists.";
        format: "Format", "Format";
        csv: "CSV", "CSV";
        ndjson: "JSON par lignes", "JSON lines";
        file: "Fichier", "File";
        send: "Importer le fichier", "Import the file";
        no_file: "Choisissez un fichier.", "Choose a file.";
        row_of_file: "La première ligne ou une autre du fichier n'a pas pu être lue. Corrigez-la et renvoyez le fichier : rien n'en a été gardé.", "The first line or another one of the file could not be read. Correct it and send the file again: nothing of it was kept.";
        by: "Par", "By";
        begun: "Commencé", "Begun";
        state: "État", "State";
        rows: "Lignes", "Rows";
        created: "Créées", "Created";
        updated: "Mises à jour", "Updated";
        unchanged: "Inchangées", "Unchanged";
        refused: "Refusées", "Refused";
        receiving: "En réception", "Arriving";
        waiting: "En attente", "Waiting";
        running: "En cours", "Running";
        finished: "Terminé", "Finished";
        with_refused: "Terminé, des lignes refusées", "Finished, with refused rows";
        stopped: "Arrêté", "Stopped";
        cancelled: "Annulé", "Cancelled";
        progress: "Avancement", "Progress";
        refresh: "Actualiser", "Refresh";
        empty: "Aucun import pour l'instant", "No imports yet";
        empty_then: "Importez vos clients, articles ou prix d'un autre logiciel.", "Import your customers, products or prices from another software.";
        refused_rows: "Lignes refusées", "Refused rows";
        refused_csv: "Lignes refusées en CSV", "Refused rows as CSV";
        none_refused: "Aucune ligne n'a été refusée.", "No row was refused.";
        row: "Ligne", "Row";
        why: "Raison", "Reason";
        content: "Contenu de la ligne", "Content of the row";
        reason: "Pourquoi il s'est arrêté", "Why it stopped";
        cancel: "Arrêter l'import", "Stop the import";
        resume: "Reprendre l'import", "Resume the import";
        done_begun: "Le fichier est reçu.", "The file has arrived.";
        done_cancelled: "L'import est annulé. Ce qui était fait reste.", "The import is cancelled. What was done stays.";
        done_resumed: "L'import reprend.", "The import goes on.";
    }
}

/// What the rows are.
pub(crate) fn kind(kind: ImportKind, w: &'static Imports) -> Word {
    match kind {
        ImportKind::Customers => w.customers,
        ImportKind::Suppliers => w.suppliers,
        ImportKind::Products => w.products,
        ImportKind::Stock => w.stock,
        ImportKind::Prices => w.prices,
    }
}

pub(crate) fn mode(mode: ImportMode, w: &'static Imports) -> Word {
    match mode {
        ImportMode::Create => w.mode_create,
        ImportMode::Upsert => w.mode_upsert,
    }
}

/// What is wrong with a member of a row.
pub(crate) fn wrong(pointer: &str, code: &str, language: Language) -> String {
    let member = pointer.trim_start_matches('/').replace('/', ".");
    let said = faults::code(code, language);
    if member.is_empty() { said } else { set(&format!("{member} : {said}"), language) }
}
