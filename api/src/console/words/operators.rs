//! The operators' pages.

super::words! {
    /// Services.
    Operators {
        services: "Services", "Services";
        services_hint: "Ce qui tourne à côté des requêtes et de la boucle du relais, dans tous les processus.", "What runs beside the requests and the drain loop, in all processes.";
        service: "Service", "Service";
        state: "État", "State";
        health: "Santé", "Health";
        last_run: "Dernier passage", "Last run";
        next_run: "Prochain", "Next";
        processes: "Processus", "Processes";
        none: "Aucun processus ne vit en ce moment. Démarrez api ou relay.", "No process lives now. Start api or relay.";
        last_error: "Dernière panne", "Last failure";
        log_out: "Se déconnecter", "Log out";
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
    }
}
