//! Log-in, forgotten password, the links of the e-mails.

super::words! {
    /// Pages for those who are not logged in.
    SignIn {
        title: "Connexion", "Log in";
        operators_title: "Connexion des exploitants", "Operators' log-in";
        operators_hint: "Pour ceux qui exploitent l'installation, pas pour les sociétés.", "For those who run the installation, not for companies.";
        company: "Société", "Company";
        company_hint: "Son nom court, si votre adresse est connue de plusieurs sociétés.", "Its short name, if several companies know your address.";
        email: "Adresse e-mail", "E-mail address";
        password: "Mot de passe", "Password";
        log_in: "Se connecter", "Log in";
        forgotten: "Mot de passe oublié", "Forgotten password";
        refused: "L'adresse ou le mot de passe n'est pas le bon, ou il faut nommer la société.", "The address or the password is not right, or the company must be named.";
        unverified: "Votre adresse n'est pas encore confirmée : ouvrez le lien de l'e-mail de bienvenue.", "Your address is not confirmed yet: open the link of the welcome e-mail.";
        too_many: "Trop d'essais pour ce compte. Attendez un peu, ou demandez un nouveau mot de passe.", "Too many attempts at this account. Wait a little, or ask for a new password.";
        over: "Votre session est terminée. Connectez-vous pour revenir à la page où vous étiez.", "Your session is over. Log in to come back to the page that you were on.";
        logged_out: "Vous êtes déconnecté.", "You have logged out.";
        password_set: "Le mot de passe est changé. Connectez-vous avec le nouveau.", "The password has been changed. Log in with the new one.";
        verified: "Votre adresse est confirmée. Vous pouvez vous connecter.", "Your address is confirmed. You can log in.";
        forgotten_title: "Demander un nouveau mot de passe", "Ask for a new password";
        forgotten_hint: "Vous recevrez un lien, si un compte a cette adresse.", "You will get a link, if an account has this address.";
        send: "Envoyer le lien", "Send the link";
        sent: "Si un compte a cette adresse, un e-mail avec un lien est en route. Le lien sert une seule fois.", "If an account has this address, an e-mail with a link is on its way. The link is good once.";
        choose_title: "Choisir un mot de passe", "Choose a password";
        new_password: "Nouveau mot de passe", "New password";
        new_password_hint: "8 caractères au moins. Une phrase se retient mieux.", "At least 8 characters. A phrase is easier to remember.";
        choose: "Enregistrer le mot de passe", "Save the password";
        verify_title: "Confirmer l'adresse e-mail", "Confirm the e-mail address";
        verify_hint: "Un clic, et vous pourrez vous connecter.", "One click, and you can log in.";
        verify: "Confirmer l'adresse", "Confirm the address";
        link_used: "Ce lien a déjà servi, ou a expiré. Demandez-en un nouveau.", "This link was used already, or has expired. Ask for a new one.";
        code: "Code de l'e-mail", "Code of the e-mail";
    }
}
