//! The operators' pages.

use comptoir_core::mail::EmailKind;
use comptoir_core::values::language::Language;

use crate::console::format::as_typed;
use crate::console::typography::{Word, set};

super::words! {
    /// Overview, outbox, dead letters, replay, services, e-mails, projections, accounts, trail.
    Operators {
        log_out: "Se déconnecter", "Log out";
        reload: "Actualiser", "Reload";
        unlinked: "Ce processus ne peut rien lire de toutes les sociétés.", "This process cannot read anything of all companies.";
        unlinked_then: "Il lui faut le compte de base des services :", "It needs the services' log-in to the database:";
        overview: "Vue d'ensemble", "Overview";
        overview_hint: "Ce qui demande quelqu'un maintenant, dans toute l'installation.", "What needs somebody now, in the whole installation.";
        health: "Santé", "Health";
        health_hint: "Comment vont les services de chaque processus, de leur propre avis.", "How the services of each process are, in their own judgement.";
        by_process: "Par processus", "By process";
        not_well: "Ce qui ne va pas", "Not well";
        all_well: "Tous les services vont bien.", "All services are well.";
        process: "Processus", "Process";
        processes: "Processus", "Processes";
        seen: "Vu", "Seen";
        services: "Services", "Services";
        services_hint: "Ce qui tourne à côté des requêtes et de la boucle du relais, dans tous les processus.", "What runs beside the requests and the drain loop, in all processes.";
        service: "Service", "Service";
        state: "État", "State";
        last_run: "Dernier passage", "Last run";
        next_run: "Prochain", "Next";
        none: "Aucun processus ne vit en ce moment. Démarrez api ou relay.", "No process lives now. Start api or relay.";
        last_error: "Dernière panne", "Last failure";
        running: "En marche", "Running";
        waiting: "En attente", "Waiting";
        standby: "En réserve", "Standby";
        starting: "Démarre", "Starting";
        finished: "Terminé", "Finished";
        stopped: "Arrêté", "Stopped";
        off: "Éteint", "Off";
        failing: "En échec", "Failing";
        ok: "Bonne", "OK";
        degraded: "Dégradée", "Degraded";
        done: "Fait", "Done";
        failed: "Échoué", "Failed";
        expired: "Expiré", "Expired";
        facts: "Détails", "Details";
        kind: "Genre", "Kind";
        runs_where: "Où", "Where";
        critical: "Critique", "Critical";
        critical_hint: "sans lui, son processus n'est pas prêt", "without it, its process is not ready";
        runs: "Passages", "Runs";
        failures: "Pannes", "Failures";
        figures: "Chiffres", "Figures";
        actions: "Actions", "Actions";
        no_actions: "Rien ne peut lui être demandé.", "Nothing can be asked of it.";
        action: "Action", "Action";
        ask: "Demander", "Ask for";
        may_be_empty: "(facultatif)", "(optional)";
        time_limit: "Elle échoue si elle n'est pas finie après", "It fails if it has not ended after";
        commands: "Demandes aux services", "Asked of services";
        no_commands: "Rien n'a été demandé ces 30 derniers jours.", "Nothing was asked in the last 30 days.";
        asked_by: "Demandé par", "Asked by";
        asked_at: "Demandé", "Asked";
        ended_at: "Terminé", "Ended";
        deadline: "Échéance", "Deadline";
        progress: "Avancement", "Progress";
        answer: "Réponse", "Answer";
        whole_answer: "Réponse entière, JSON", "Whole answer, JSON";
        parameters: "Paramètres, JSON", "Parameters, JSON";
        correlation: "Corrélation", "Correlation";
        outbox: "Outbox", "Outbox";
        outbox_hint: "Les événements écrits avec les données, et leur chemin vers RabbitMQ.", "The events that were written with the data, and their way to RabbitMQ.";
        pending: "En attente", "Pending";
        oldest_pending: "Le plus ancien", "Oldest";
        retrying: "Réessayés", "Tried again";
        held: "Retiennent leur agrégat", "Hold their aggregate";
        dead_letters: "Lettres mortes", "Dead letters";
        nothing_waits: "Rien n'attend.", "Nothing waits.";
        last_hour_title: "Publication, dernière heure", "Publishing, last hour";
        partial: "Il y en a trop pour tout lire : seule une partie des événements est comptée ici.", "There are too many to read them all: only a part of the events is counted here.";
        rate: "Événements par minute", "Events a minute";
        latency: "Délai de 95 % des événements", "Delay of 95% of the events";
        table: "Voir le tableau", "See the table";
        minute: "Minute", "Minute";
        published: "Publiés", "Published";
        half_within: "La moitié en", "Half within";
        most_within: "95 % en", "95% within";
        nothing_published: "Rien n'a été publié depuis une heure.", "Nothing was published in the last hour.";
        relays: "Relais", "Relays";
        relay: "Relais", "Relay";
        broker: "Broker", "Broker";
        drain: "Publication", "Publishing";
        shards: "Partitions", "Shards";
        no_relay: "Aucun relais ne répond.", "No relay answers.";
        no_relay_then: "Les événements restent dans la base, et rien n'est perdu. Démarrez", "Events stay in the database, and nothing is lost. Start";
        why_again: "Pourquoi des événements sont réessayés", "Why events are tried again";
        reason: "Motif", "Reason";
        no_reason: "aucun motif noté", "no reason was noted";
        events: "Événements", "Events";
        pending_events: "Événements en attente, les plus anciens d'abord", "Pending events, the oldest first";
        all_pending: "Tous", "All";
        cannot_leave: "Ne peuvent pas partir", "Cannot leave";
        event: "Événement", "Event";
        event_id: "Identifiant d'un événement", "Id of an event";
        event_type: "Type d'événement", "Event type";
        find_event: "Trouver l'événement", "Find the event";
        pattern_fault: "Écrivez un type, ou un motif comme order.* ou order.#.", "Write a type, or a pattern such as order.* or order.#.";
        company: "Société", "Company";
        tries: "Essais", "Tries";
        occurred: "Survenu", "Occurred";
        later_ones: "Suivants", "Later ones";
        watch_events: "Suivre les événements", "Follow the events";
        tail: "Événements comme ils arrivent", "Events as they come";
        tail_hint: "Ceux qui attendent et ceux de la dernière heure, les plus récents d'abord. Les nouveaux attendent votre clic.", "Those that wait and those of the last hour, the newest first. New ones wait for your click.";
        no_events: "Aucun événement", "No events";
        no_events_then: "Rien n'attend, et rien n'est arrivé depuis une heure. Passez une commande : ses événements viendront ici.", "Nothing waits, and nothing came in the last hour. Place an order: its events will come here.";
        took: "Délai", "Delay";
        age: "Âge", "Age";
        latest: "Derniers publiés", "Published last";
        nothing_published_now: "Rien n'a été publié ces dix dernières minutes.", "Nothing was published in the last ten minutes.";
        is_due: "Peut partir", "Can leave";
        is_retrying: "Réessayé plus tard", "Tried again later";
        is_behind: "Derrière un autre", "Behind another";
        is_held: "Retenu par une lettre morte", "Held by a dead letter";
        is_published: "Publié", "Published";
        is_dead: "Lettre morte", "Dead letter";
        is_pending: "En attente", "Pending";
        to_decide: "Décider", "Decide";
        aggregate: "Agrégat", "Aggregate";
        version: "Version", "Version";
        schema_version: "Version du schéma", "Schema version";
        settled: "Réglé", "Settled";
        next_attempt: "Prochain essai", "Next attempt";
        payload: "Contenu", "Payload";
        headers: "En-têtes", "Headers";
        message: "Message", "Message";
        dead_letters_hint: "Des événements refusés pour de bon. Les suivants du même agrégat peuvent attendre derrière eux.", "Events that were refused for good. Later ones of the same aggregate may wait behind them.";
        all_letters: "Toutes", "All";
        last_hour: "Dernière heure", "Last hour";
        last_day: "24 heures", "24 hours";
        last_week: "7 jours", "7 days";
        no_letters: "Aucune lettre morte", "No dead letters";
        no_letters_then: "Tout ce qui a été écrit est parti, ou va partir.", "All that was written has left, or will leave.";
        letters_label: "Lettres mortes, les plus récentes d'abord", "Dead letters, latest first";
        choose: "Choisir", "Choose";
        chosen_ones: "Lignes choisies", "Chosen rows";
        requeue_chosen: "Remettre en file…", "Requeue…";
        discard_chosen: "Jeter…", "Discard…";
        dead_at: "Morte", "Dead";
        requeue: "Remettre en file", "Requeue";
        discard: "Jeter…", "Discard…";
        requeue_hint: "Chaque événement repart avec le même identifiant, derrière ceux qui attendent. Réparez la cause d'abord.", "Each event leaves again with the same id, behind those that wait. Mend the cause first.";
        discard_hint: "Ces événements ne seront jamais publiés. Cela ne se reprend pas.", "These events will never be published. This cannot be taken back.";
        none_match: "Aucune lettre morte ne correspond plus.", "No dead letter matches any more.";
        run_there: "Lancez cette commande là où tourne le relais :", "Run this command where the relay runs:";
        replay: "Rejouer", "Replay";
        replay_hint: "Publie de nouveau des événements de l'historique, avec les mêmes identifiants. Les heures sont en UTC.", "Publishes events of the history again, with the same ids. Times are in UTC.";
        count_first: "Compter sans rejouer", "Count, and replay nothing";
        replay_now: "Rejouer tout de suite", "Replay at once";
        cancel_replay: "Arrêter le rejeu", "Cancel the replay";
        cancel_replay_hint: "Ce qui est en route part encore. La réponse dit comment reprendre.", "What is under way still leaves. The answer says how to go on.";
        cancelled_since: "Ce rejeu n'est plus en cours.", "This replay does not go on any more.";
        waits_still: "Pas encore commencé", "Not begun yet";
        replays: "Rejeux", "Replays";
        replay_since: "Publiés depuis", "Published since";
        replay_since_hint: "Ceux publiés à cette heure ou après.", "Those published then or later.";
        replay_until: "Publiés avant", "Published before";
        replay_until_hint: "Vide : jusqu'à maintenant.", "Empty: until now.";
        replay_types_hint: "Un type, ou un motif : order.* (un mot), order.# (plusieurs).", "A type, or a pattern: order.* (one word), order.# (any number).";
        replay_one_hint: "Son identifiant, pour un seul.", "Its id, for one alone.";
        replay_rate: "Événements par seconde", "Events a second";
        replay_rate_hint: "Au plus. Vide : aussi vite que possible.", "At most. Empty: as quickly as possible.";
        emails: "E-mails", "E-mails";
        emails_hint: "De toutes les sociétés. Ce qu'ils disent et à qui reste à leur société.", "Of all companies. What they say, and to whom, is their company's.";
        emails_label: "E-mails, les plus récents d'abord", "E-mails, latest first";
        emails_waiting: "E-mails à envoyer", "E-mails to send";
        to_mailer: "Service d'envoi", "Mailer";
        all_emails: "Tous", "All";
        email_waiting: "En attente", "Waiting";
        email_sending: "En cours", "Sending";
        email_sent: "Envoyé", "Sent";
        email_dead: "Échoué", "Dead";
        email_discarded: "Jeté", "Discarded";
        send_due: "Envoyer maintenant ce qui attend pour", "Send now what waits for";
        domain: "Domaine", "Domain";
        no_emails: "Aucun e-mail", "No e-mails";
        email: "E-mail", "E-mail";
        queued: "Mis en file", "Queued";
        cut: "Il peut y en avoir d'autres : filtrez pour en voir moins à la fois.", "There may be more: filter to see fewer at once.";
        run_on_machine: "À lancer sur la machine", "Run on the machine";
        in_its_name: "Ces décisions se prennent au nom de la société : un compte d'exploitant n'en a aucune.", "These decisions are made in the company's name: an operator account has none.";
        lanes: "Files par domaine", "Lanes by domain";
        lanes_hint: "Ce qui peut partir maintenant, par société et par domaine de destination.", "What can leave now, by company and by destination.";
        no_lanes: "Rien n'attend d'être envoyé maintenant.", "Nothing waits to be sent now.";
        due: "À envoyer", "Due";
        projections: "Projections", "Projections";
        projections_hint: "Les rapports, tenus par les événements qui reviennent du broker.", "The reports, kept from the events that come back through the broker.";
        to_service: "Service", "Service";
        generation: "Génération", "Generation";
        inbox_waiting: "En attente", "Waiting";
        behind_a_hole: "Derrière un manquant", "Behind a missing one";
        inbox_dead: "Pas appliqués", "Not applied";
        built: "Construite", "Built";
        rebuild_wanted: "À reconstruire :", "To be built anew:";
        rebuild_title: "Reconstruire", "Build anew";
        rebuild_hint: "Une autre génération est remplie à côté de celle que l'on lit, puis la remplace. Comparer ne remplace rien.", "Another generation is filled beside the one that is read, and then takes its place. A comparison replaces nothing.";
        compare_now: "Comparer", "Compare";
        rebuild_now: "Reconstruire", "Build anew";
        comparison: "comparaison", "comparison";
        rebuild: "reconstruction", "rebuild";
        result: "Résultat", "Result";
        begun: "Commencé", "Begun";
        not_applied: "Événements pas appliqués", "Events that were not applied";
        all_applied: "Tout ce qui est arrivé est appliqué, ou attend son tour.", "All that has arrived is applied, or waits for its turn.";
        received: "Reçu", "Received";
        own_sessions_hint: "Changer de mot de passe termine toutes vos autres sessions. Les mots de passe oubliés se changent sur la machine.", "Changing the password ends all your other sessions. Forgotten passwords are changed on the machine.";
        accounts: "Exploitants", "Operators";
        accounts_hint: "Ils n'appartiennent à aucune société et ne voient les données d'aucune.", "They belong to no company, and see no company's data.";
        account: "Compte", "Account";
        active: "Actif", "Active";
        disabled: "Désactivé", "Disabled";
        last_log_in: "Dernière connexion", "Last log-in";
        never: "Jamais", "Never";
        made: "Créé", "Made";
        yourself: "(vous)", "(you)";
        new_operator: "Nouvel exploitant", "New operator";
        new_operator_hint: "Les comptes se créent, se désactivent et changent de mot de passe sur la machine seulement : qui volerait une session ne pourrait pas s'installer.", "Accounts are made, disabled and given passwords on the machine alone: whoever steals a session cannot stay by it.";
        audit: "Audit", "Audit";
        audit_hint: "Ce que les exploitants ont fait. Personne ne change ces lignes.", "What operators did. Nobody changes these rows.";
        when: "Quand", "When";
        what: "Quoi", "What";
        who: "Qui", "Who";
        on_what: "Sur", "On";
        from_where: "Depuis", "From";
        everything: "Tout", "Everything";
        asked_of_services: "Demandes aux services", "Asked of services";
        log_ins: "Connexions", "Log-ins";
        since: "Depuis le", "Since";
        before: "Avant le", "Before";
        no_deeds: "Rien n'a été fait", "Nothing was done";
        erased: "effacé, comme la loi le veut", "erased, as the law demands";
        it_was: "Avant", "Before";
        it_became: "Après", "After";
    }
}

fn said(french: impl Into<String>, english: impl Into<String>, language: Language) -> String {
    let text: String = match language {
        Language::Fr => french.into(),
        Language::En => english.into(),
    };
    set(&text, language)
}

/// How long something took or waits, to two units at most.
pub(crate) fn duration(seconds: f64, language: Language) -> String {
    let day = if language == Language::Fr { "j" } else { "d" };
    let seconds = seconds.max(0.0);
    if seconds < 1.0 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 10.0 {
        return as_typed(&format!("{seconds:.1} s"), language);
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min", whole / 60),
        3_600..86_400 => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} {day} {} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

pub(crate) fn oldest(age: &str, language: Language) -> String {
    said(format!("le plus ancien : {age}"), format!("oldest: {age}"), language)
}

pub(crate) fn held_back(number: &str, language: Language) -> String {
    said(format!("{number} retiennent la suite"), format!("{number} hold back others"), language)
}

pub(crate) fn dead_emails(number: &str, language: Language) -> String {
    said(format!("{number} en échec"), format!("{number} failed"), language)
}

pub(crate) fn not_well(number: usize, language: Language) -> String {
    match number {
        0 => said("tous vont bien", "all are well", language),
        number => said(format!("{number} ne vont pas bien"), format!("{number} not well"), language),
    }
}

pub(crate) fn progress(done: &str, total: Option<&str>, language: Language) -> String {
    match total {
        Some(total) => said(format!("{done} sur {total}"), format!("{done} of {total}"), language),
        None => done.to_owned(),
    }
}

/// The name of an action of a service, as programs have it.
pub(crate) fn command(service: &str, action: &str) -> String {
    format!("{service}: {action}")
}

/// What follows a dry run.
pub(crate) fn go_on(action: &str, number: &str, language: Language) -> String {
    match action {
        "replay" if number == "1" => said("Rejouer l'événement", "Replay the event", language),
        "replay" => {
            said(format!("Rejouer les {number} événements"), format!("Replay {number} events"), language)
        }
        "requeue" => said(format!("Remettre les {number} en file"), format!("Requeue {number}"), language),
        "discard" => said(format!("Jeter les {number}"), format!("Discard {number}"), language),
        other => said(format!("{other} ({number})"), format!("{other} ({number})"), language),
    }
}

pub(crate) fn rates(highest: &str, language: Language) -> String {
    said(
        format!(
            "Événements publiés par minute, dernière heure : de 0 à {highest}. Les valeurs sont dans le tableau qui suit."
        ),
        format!(
            "Events published each minute of the last hour: from 0 to {highest}. The values are in the table below."
        ),
        language,
    )
}

pub(crate) fn latencies(highest: &str, language: Language) -> String {
    said(
        format!(
            "Délai de publication de 95 % des événements, dernière heure : {highest} au plus. Les valeurs sont dans le tableau qui suit."
        ),
        format!(
            "Delay of 95% of the events, each minute of the last hour: {highest} at most. The values are in the table below."
        ),
        language,
    )
}

pub(crate) fn shards(held: &str, all: &str, language: Language) -> String {
    said(format!("{held} partitions tenues sur {all}"), format!("{held} of {all} shards held"), language)
}

/// The button for all that match.
pub(crate) fn all_of(verb: &str, number: &str, language: Language) -> String {
    match verb {
        "discard" if number == "1" => said("Jeter la seule…", "Discard the only one…", language),
        _ if number == "1" => said("Remettre la seule en file…", "Requeue the only one…", language),
        "discard" => said(format!("Jeter les {number}…"), format!("Discard all {number}…"), language),
        _ => said(format!("Remettre les {number} en file…"), format!("Requeue all {number}…"), language),
    }
}

pub(crate) fn decide(verb: &str, language: Language) -> String {
    match verb {
        "discard" => said("Jeter des lettres mortes", "Discard dead letters", language),
        _ => said("Remettre des lettres mortes en file", "Requeue dead letters", language),
    }
}

pub(crate) fn decide_all(verb: &str, number: &str, language: Language) -> String {
    match verb {
        "discard" if number == "1" => said("Jeter la lettre morte", "Discard the dead letter", language),
        _ if number == "1" => said("Remettre la lettre morte en file", "Requeue the dead letter", language),
        "discard" => said(format!("Jeter les {number}"), format!("Discard {number}"), language),
        _ => said(format!("Remettre les {number} en file"), format!("Requeue {number}"), language),
    }
}

/// How many dead letters are meant, of what, and up to when.
pub(crate) fn extent(number: &str, of: &str, until: &str, language: Language) -> String {
    let of = if of.is_empty() { String::new() } else { format!(" ({of})") };
    if number == "1" {
        return said(
            format!("Une lettre morte{of} à {until}. Celles qui viennent ensuite ne sont pas concernées."),
            format!("One dead letter{of} at {until}. Those that come later are left alone."),
            language,
        );
    }
    said(
        format!("{number} lettres mortes{of} à {until}. Celles qui viennent ensuite ne sont pas concernées."),
        format!("{number} dead letters{of} at {until}. Those that come later are left alone."),
        language,
    )
}

pub(crate) fn pick(event: &str, aggregate: &str, language: Language) -> String {
    said(format!("Choisir {event} de {aggregate}"), format!("Select {event} of {aggregate}"), language)
}

pub(crate) fn versioned(event: &str, version: Option<&str>, language: Language) -> String {
    match version {
        Some(version) => {
            said(format!("{event}, version {version}"), format!("{event}, version {version}"), language)
        }
        None => event.to_owned(),
    }
}

pub(crate) fn bytes(number: &str, language: Language) -> String {
    said(format!("{number} octets"), format!("{number} bytes"), language)
}

/// Why an event became a dead letter; the relay's own word where there is none here.
pub(crate) fn dead_because(name: &str, language: Language) -> String {
    let (french, english) = match name {
        "unroutable" => ("Aucune file pour cet événement", "No queue for this event"),
        "nacked" => ("Refusé par le broker", "Refused by the broker"),
        "too-large" => ("Trop grand pour le broker", "Too large for the broker"),
        "rejected" => ("Le broker ferme le canal sur lui", "The broker closes the channel on it"),
        "unsendable" => ("Aucun message ne peut en être fait", "No message can be made of it"),
        "routing-key-too-long" => ("Clé de routage trop longue", "Routing key too long"),
        other => return other.to_owned(),
    };
    said(french, english, language)
}

/// The label and the hint of a field of a replay.
pub(crate) fn of_replay(field: &str, w: &'static Operators) -> Option<(Word, Word)> {
    match field {
        "since" => Some((w.replay_since, w.replay_since_hint)),
        "until" => Some((w.replay_until, w.replay_until_hint)),
        "event_type" => Some((w.event_type, w.replay_types_hint)),
        "aggregate_id" => Some((w.aggregate, w.replay_one_hint)),
        "tenant" => Some((w.company, w.replay_one_hint)),
        "rate" => Some((w.replay_rate, w.replay_rate_hint)),
        _ => None,
    }
}

pub(crate) fn email_kind(kind: EmailKind, language: Language) -> String {
    let (french, english) = match kind {
        EmailKind::Welcome => ("Bienvenue", "Welcome"),
        EmailKind::Invitation => ("Invitation", "Invitation"),
        EmailKind::PasswordReset => ("Mot de passe oublié", "Forgotten password"),
        EmailKind::SecurityNotice => ("Avis de sécurité", "Security notice"),
        EmailKind::StockDigest => ("Stock bas", "Low stock"),
        EmailKind::Invoice => ("Facture", "Invoice"),
        EmailKind::InvoiceReminder => ("Relance", "Reminder"),
    };
    said(french, english, language)
}

pub(crate) fn differences(number: &str, language: Language) -> String {
    said(format!("{number} lignes diffèrent"), format!("{number} rows differ"), language)
}

/// What a row of the operators' trail says; the action's own name where there is no word.
pub(crate) fn deed(action: &str, language: Language) -> String {
    let (french, english) = match action {
        "service.ask" => ("Demande à un service", "Asked a service"),
        "operator.create" => ("Compte créé", "Account made"),
        "operator.disable" => ("Compte désactivé", "Account disabled"),
        "operator.enable" => ("Compte réactivé", "Account enabled"),
        "operator.set_password" | "operator.change_password" => ("Mot de passe changé", "Password changed"),
        "operator_session.create" => ("Connexion", "Log-in"),
        "operator_session.end" => ("Fin de session", "Session ended"),
        other => return other.to_owned(),
    };
    said(french, english, language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_the_unit_that_fits() {
        let said = |seconds: f64| duration(seconds, Language::Fr);
        assert_eq!(said(0.0421), "42 ms");
        assert_eq!(said(1.25), "1,2 s");
        assert_eq!(
            [said(42.0), said(61.0), said(10_920.0), said(180_000.0)],
            ["42 s", "1 min", "3 h 02 min", "2 j 2 h"]
        );
        assert_eq!(duration(-3.0, Language::En), "0 ms");
    }
}
