//! E-mails of the company.

use comptoir_core::mail::EmailKind;
use comptoir_core::values::language::Language;

use crate::console::typography::set;

super::words! {
    /// The list, and one e-mail.
    Emails {
        title: "E-mails", "E-mails";
        all: "Tous", "All";
        waiting: "En attente", "Waiting";
        sending: "En cours d'envoi", "Being sent";
        sent: "Envoyé", "Sent";
        dead: "Échec", "Failed";
        discarded: "Écarté", "Discarded";
        dead_view: "Échecs", "Failed";
        sent_view: "Envoyés", "Sent";
        discarded_view: "Écartés", "Discarded";
        search: "Adresse entière du destinataire", "Whole address of the recipient";
        any_kind: "Toutes les sortes", "All kinds";
        kind: "Sorte", "Kind";
        recipient: "Destinataire", "Recipient";
        state: "État", "State";
        created: "Créé", "Made";
        attempts: "Essais", "Attempts";
        list_label: "E-mails, les plus récents d'abord", "E-mails, latest first";
        empty: "Aucun e-mail pour l'instant", "No e-mails yet";
        empty_then: "Ceux que Comptoir envoie à vos clients et à vos collègues apparaîtront ici.", "Those that Comptoir sends to your customers and colleagues will appear here.";
        requeue: "Renvoyer", "Send again";
        discard: "Écarter", "Discard";
        text: "Texte", "Text";
        text_hint: "Ce qui donne un accès n'est jamais montré.", "What gives access is never shown.";
        facts: "Envoi", "Delivery";
        deadline: "Pas envoyé après", "Not sent after";
        due: "Prochain essai", "Next attempt";
        last_error: "Dernière réponse", "Last answer";
        history: "Essais", "Attempts";
        no_attempts: "Aucun essai pour l'instant.", "No attempt yet.";
        accepted: "Accepté par le serveur", "Accepted by the server";
        refused: "Refusé pour de bon", "Refused for good";
        failed: "Pas pris, à réessayer", "Not taken, to be tried again";
        unanswered: "La réponse s'est perdue", "The answer was lost";
        over: "Plus utile", "Of no use any more";
        under_way: "En cours", "Under way";
        done_requeued: "L'e-mail va être renvoyé.", "The e-mail is sent again.";
        done_discarded: "L'e-mail est écarté.", "The e-mail has been discarded.";
        changed: "Cet e-mail a changé entre-temps. Voici son état actuel : rien n'a été fait.", "This e-mail changed meanwhile. This is how it is now: nothing was done.";
        nothing_chosen: "Aucun e-mail n'était coché : rien n'a été fait.", "No e-mail was ticked: nothing was done.";
    }
}

pub(crate) fn kind(kind: EmailKind, language: Language) -> &'static str {
    let (french, english) = match kind {
        EmailKind::Welcome => ("Bienvenue", "Welcome"),
        EmailKind::Invitation => ("Invitation", "Invitation"),
        EmailKind::PasswordReset => ("Mot de passe oublié", "Forgotten password"),
        EmailKind::SecurityNotice => ("Avis de sécurité", "Security notice"),
        EmailKind::StockDigest => ("Stock bas du jour", "Low stock of the day"),
        EmailKind::Invoice => ("Facture", "Invoice"),
        EmailKind::InvoiceReminder => ("Relance", "Reminder"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

/// What came of the ticked ones.
pub(crate) fn chosen(is_requeued: bool, done: usize, refused: usize, language: Language) -> String {
    let said = match (is_requeued, language) {
        (true, Language::Fr) => format!("À renvoyer : {done}. Laissés comme ils étaient : {refused}."),
        (false, Language::Fr) => format!("Écartés : {done}. Laissés comme ils étaient : {refused}."),
        (true, Language::En) => format!("To be sent again: {done}. Left as they were: {refused}."),
        (false, Language::En) => format!("Discarded: {done}. Left as they were: {refused}."),
    };
    set(&said, language)
}

/// The name of a box.
pub(crate) fn tick(recipient: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("Cocher l'e-mail à {recipient}"),
        Language::En => format!("Tick the e-mail to {recipient}"),
    }
}
