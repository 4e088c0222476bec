//! Users and roles.

super::words! {
    /// The list, one user, a new one, and what each role may do.
    Users {
        title: "Utilisateurs", "Users";
        add: "Ajouter un utilisateur", "Add a user";
        roles: "Rôles", "Roles";
        all: "Tous", "All";
        active_view: "Actifs", "Active";
        unverified_view: "À vérifier", "To verify";
        disabled_view: "Désactivés", "Disabled";
        active: "Actif", "Active";
        unverified: "Adresse à vérifier", "Address to verify";
        disabled: "Désactivé", "Disabled";
        search: "Adresse e-mail entière", "Whole e-mail address";
        any_role: "Tous les rôles", "All roles";
        list_label: "Utilisateurs", "Users";
        name: "Nom", "Name";
        email: "Adresse e-mail", "E-mail address";
        role: "Rôle", "Role";
        state: "État", "State";
        created: "Créé", "Added";
        last_login: "Dernière connexion", "Last log-in";
        never: "jamais", "never";
        name_do: "Enregistrer le nom", "Save the name";
        role_hint: "Il compte tout de suite, dans toutes ses sessions.", "It counts at once, in all of their sessions.";
        role_do: "Changer le rôle", "Change the role";
        rights: "Droits", "Rights";
        rights_title: "Changer les droits", "Change the rights";
        rights_edit: "Changer les droits…", "Change the rights…";
        rights_hint: "Cochez ce que cette personne peut faire. Ce que son rôle donne est dit à côté.", "Tick what this person may do. What the role gives is said beside it.";
        rights_do: "Enregistrer les droits", "Save the rights";
        of_role: "par le rôle", "by the role";
        granted: "Accordés en plus du rôle", "Granted beside the role";
        revoked: "Retirés du rôle", "Taken from the role";
        as_role: "Ceux du rôle, ni plus ni moins.", "Those of the role, no more and no fewer.";
        password: "Mot de passe", "Password";
        password_hint: "Facultatif : sans lui, la personne reçoit un e-mail pour le choisir.", "Optional: without one, the person gets an e-mail to choose it.";
        has_password: "choisi", "set";
        no_password: "pas encore choisi", "not set yet";
        register_do: "Ajouter l'utilisateur", "Add the user";
        disable: "Désactiver…", "Disable…";
        disable_title: "Désactiver l'utilisateur", "Disable the user";
        disable_hint: "Ses sessions se terminent et la connexion est fermée. Les clés révoquées ne reviennent pas.", "Their sessions end and they cannot log in. Revoked keys do not come back.";
        disable_do: "Désactiver l'utilisateur", "Disable the user";
        keep_keys: "Garder ses clés", "Keep their keys";
        keep_keys_hint: "Sinon, les clés dont cette personne répond sont révoquées.", "Otherwise the keys that this person answers for are revoked.";
        keep: "Ne pas désactiver", "Do not disable";
        enable: "Réactiver", "Enable";
        sessions: "Sessions ouvertes", "Open sessions";
        no_sessions: "Aucune session ouverte.", "No open session.";
        browser: "Navigateur", "Browser";
        from: "Adresse", "Address";
        since: "Depuis", "Since";
        last_used: "Dernière activité", "Last used";
        end: "Terminer", "End";
        end_all: "Terminer toutes les sessions", "End all sessions";
        unknown: "inconnu", "unknown";
        account: "Compte", "Account";
        done_added: "L'utilisateur est ajouté.", "The user has been added.";
        done_name: "Le nom est enregistré.", "The name has been saved.";
        done_role: "Le rôle est changé.", "The role has been changed.";
        done_rights: "Les droits sont changés.", "The rights have been changed.";
        done_disabled: "L'utilisateur est désactivé.", "The user has been disabled.";
        done_enabled: "L'utilisateur est réactivé.", "The user has been enabled.";
        done_session: "La session est terminée.", "The session has ended.";
        done_sessions: "Les sessions sont terminées.", "The sessions have ended.";
        changed: "Quelqu'un a changé ce compte entre-temps. Voici son état actuel : rien n'a été fait.", "Somebody changed this account meanwhile. This is how it is now: nothing was done.";
        roles_hint: "Un utilisateur peut avoir des droits en plus de ceux du rôle, ou en moins.", "A user can have rights beside those of the role, or fewer.";
        right: "Droit", "Right";
        yes: "oui", "yes";
        no: "non", "no";
    }
}
