//! The audit trail.

super::words! {
    /// The list, and one entry.
    Audit {
        title: "Audit", "Audit";
        since: "Depuis le", "Since";
        before: "Avant le", "Before";
        action: "Action", "Action";
        action_hint: "Action entière : order.confirm", "Whole action: order.confirm";
        actor: "Auteur", "By";
        actor_id: "Identifiant de l'auteur", "Id of who did it";
        object: "Objet", "Object";
        object_type: "Type d'objet", "Type of object";
        object_id: "Identifiant de l'objet", "Id of the object";
        list_label: "Ce qui a été fait, le plus récent d'abord", "What was done, latest first";
        at: "Quand", "When";
        from: "Adresse", "Address";
        changed: "Ce qui a changé", "What changed";
        field: "Champ", "Field";
        was: "Avant", "Before";
        became: "Après", "After";
        nothing: "rien", "nothing";
        unchanged: "Rien de ce qui est gardé n'a changé.", "Nothing of what is kept changed.";
        erased: "Ce qui a changé a été effacé, comme la loi peut l'exiger. L'entrée elle-même reste.", "What changed was erased, as the law may demand. The entry itself stays.";
        proof: "Preuve", "Proof";
        place: "Place dans la chaîne", "Place in the chain";
        digest: "Empreinte", "Digest";
        request: "Requête", "Request";
        session: "Session", "Session";
        same_object: "Tout ce qui a été fait avec cet objet", "All that was done with this object";
        same_actor: "Tout ce que cet auteur a fait", "All that they did";
        anonymous: "quelqu'un sans connexion", "somebody who had not logged in";
        user: "utilisateur", "user";
        api_key: "clé", "key";
        operator: "exploitant", "operator";
        empty: "Rien n'a encore été fait", "Nothing was done yet";
        empty_then: "Chaque changement, avec son auteur, apparaîtra ici.", "Each change, with who made it, will appear here.";
    }
}
