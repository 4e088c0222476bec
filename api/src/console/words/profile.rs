//! One's own account: language, password, sessions.

super::words! {
    /// The profile and the sessions.
    Profile {
        title: "Votre profil", "Your profile";
        account: "Compte", "Account";
        name: "Nom", "Name";
        email: "Adresse e-mail", "E-mail address";
        role: "Rôle", "Role";
        company: "Société", "Company";
        name_hint: "Un administrateur peut changer le nom et le rôle.", "An administrator can change the name and the role.";
        change_name: "Changer votre nom", "Change your name";
        language: "Langue", "Language";
        language_hint: "Pour ce navigateur.", "In this browser.";
        french: "Français", "Français";
        english: "English", "English";
        save_language: "Enregistrer la langue", "Save the language";
        keys: "Touches du clavier", "Keys of the keyboard";
        keys_hint: "Pour ce navigateur. « ? » dit ce que fait chaque touche.", "In this browser. “?” says what each key does.";
        keys_on: "Les touches seules agissent", "Single keys do something";
        save_keys: "Enregistrer les touches", "Save the keys";
        password: "Mot de passe", "Password";
        current: "Mot de passe actuel", "Present password";
        new: "Nouveau mot de passe", "New password";
        new_hint: "8 caractères au moins. Vos autres sessions se terminent.", "At least 8 characters. Your other sessions end.";
        change: "Changer le mot de passe", "Change the password";
        changed: "Le mot de passe est changé, vos autres sessions sont terminées.", "The password has been changed, your other sessions have ended.";
        sessions: "Sessions ouvertes", "Open sessions";
        sessions_hint: "Une session que vous ne reconnaissez pas ? Terminez-la, puis changez le mot de passe.", "A session that you do not know? End it, then change the password.";
        since: "Depuis", "Since";
        last_used: "Dernière activité", "Last used";
        from: "Adresse", "Address";
        browser: "Navigateur", "Browser";
        this_one: "Celle-ci", "This one";
        end: "Terminer", "End";
        ended: "La session est terminée.", "The session has ended.";
        log_out: "Se déconnecter", "Log out";
        unknown: "inconnu", "unknown";
    }
}
