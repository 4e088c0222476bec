//! Keys of programs.

super::words! {
    /// The list, one key, a new one.
    Keys {
        title: "Clés", "Keys";
        make: "Créer une clé", "Make a key";
        good_view: "Valables", "Good";
        revoked_view: "Révoquées", "Revoked";
        all: "Toutes", "All";
        list_label: "Clés, les plus récentes d'abord", "Keys, latest first";
        name: "Nom", "Name";
        name_hint: "Le programme qui s'en sert.", "The program that uses it.";
        prefix: "Début", "Beginning";
        state: "État", "State";
        created: "Créée", "Made";
        last_used: "Dernier usage", "Last used";
        never: "jamais", "never";
        ends: "Fin", "End";
        no_end: "sans fin", "no end";
        good: "Valable", "Good";
        revoked: "Révoquée", "Revoked";
        over: "Échue", "Over";
        owner: "Responsable", "Answers for it";
        rights: "Droits", "Rights";
        rights_hint: "Cochez ce que le programme doit pouvoir faire, et rien de plus. Vous ne pouvez donner que vos droits.", "Tick what the program has to do, and no more. You can only give rights of your own.";
        at_least_one: "Cochez au moins un droit.", "Tick at least one right.";
        expires: "Valable jusqu'au", "Good until";
        expires_hint: "Cinq ans au plus. Vide : elle ne finit pas d'elle-même.", "Five years at most. Empty: it does not end by itself.";
        make_do: "Créer la clé", "Make the key";
        made: "La clé est créée", "The key has been made";
        made_hint: "Copiez-la maintenant : elle n'est montrée qu'une fois, et n'est gardée nulle part.", "Copy it now: it is shown this once, and kept nowhere.";
        the_key: "Clé", "Key";
        copy: "Copier la clé", "Copy the key";
        copied: "Copiée", "Copied";
        go_on: "J'ai copié la clé", "I have copied the key";
        made_twice: "Cette clé a déjà été créée, et plus personne ne la connaît. Révoquez-la et créez-en une autre.", "This key was made already, and nobody knows it any more. Revoke it and make another one.";
        revoke: "Révoquer…", "Revoke…";
        revoke_title: "Révoquer la clé", "Revoke the key";
        revoke_hint: "Le programme qui s'en sert n'entre plus, tout de suite. Cela ne se reprend pas.", "The program that uses it is shut out at once. This cannot be taken back.";
        revoke_do: "Révoquer la clé", "Revoke the key";
        keep: "Ne pas révoquer", "Do not revoke";
        done_revoked: "La clé est révoquée.", "The key has been revoked.";
        changed: "Quelqu'un a changé cette clé entre-temps. Voici son état actuel : rien n'a été fait.", "Somebody changed this key meanwhile. This is how it is now: nothing was done.";
        empty: "Aucune clé pour l'instant", "No keys yet";
        empty_then: "Une clé ouvre l'API à un programme, comme une boutique en ligne, avec les droits que vous choisissez.", "A key opens the API to a program, such as a web shop, with the rights that you choose.";
    }
}
