//! The audit trail.

use comptoir_core::values::language::Language;

use crate::console::typography::set;

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

/// What was done, by the action's own name.
const DEEDS: &[(&str, &str, &str)] = &[
    ("session.create", "Connexion", "Log-in"),
    ("session.end", "Fin de session", "Session ended"),
    ("session.refuse", "Connexion refusée", "Log-in refused"),
    ("request.refuse", "Demande refusée", "Request refused"),
    ("audit.erase", "Traces effacées", "Trail erased"),
    ("tenant.create", "Société créée", "Company made"),
    ("tenant.update", "Société modifiée", "Company changed"),
    ("tenant.export", "Société exportée", "Company exported"),
    ("user.register", "Utilisateur ajouté", "User added"),
    ("user.update", "Utilisateur modifié", "User changed"),
    ("user.change_role", "Rôle changé", "Role changed"),
    ("user.change_permissions", "Droits changés", "Rights changed"),
    ("user.disable", "Utilisateur désactivé", "User disabled"),
    ("user.enable", "Utilisateur réactivé", "User enabled"),
    ("user.end_sessions", "Sessions fermées", "Sessions ended"),
    ("user.issue_token", "Lien à usage unique donné", "One-time link given"),
    ("user.verify_email", "Adresse e-mail confirmée", "E-mail address confirmed"),
    ("user.change_password", "Mot de passe changé", "Password changed"),
    ("user.request_password_reset", "Nouveau mot de passe demandé", "New password asked for"),
    ("user.reset_password", "Nouveau mot de passe choisi", "New password chosen"),
    ("api_key.create", "Clé créée", "Key made"),
    ("api_key.revoke", "Clé révoquée", "Key revoked"),
    ("customer.create", "Client créé", "Customer made"),
    ("customer.update", "Client modifié", "Customer changed"),
    ("customer.delete", "Client supprimé", "Customer deleted"),
    ("customer.anonymise", "Client anonymisé", "Customer anonymised"),
    ("customer.remind", "Client relancé", "Customer reminded"),
    ("customer.use_credit", "Avoir du client utilisé", "Customer's credit used"),
    ("customer_group.create", "Groupe de clients créé", "Customer group made"),
    ("customer_group.update", "Groupe de clients modifié", "Customer group changed"),
    ("customer_group.delete", "Groupe de clients supprimé", "Customer group deleted"),
    ("supplier.create", "Fournisseur créé", "Supplier made"),
    ("supplier.update", "Fournisseur modifié", "Supplier changed"),
    ("supplier.delete", "Fournisseur supprimé", "Supplier deleted"),
    ("category.create", "Catégorie créée", "Category made"),
    ("category.update", "Catégorie modifiée", "Category changed"),
    ("category.delete", "Catégorie supprimée", "Category deleted"),
    ("product.create", "Article créé", "Product made"),
    ("product.update", "Article modifié", "Product changed"),
    ("product.archive", "Article archivé", "Product archived"),
    ("product.delete", "Article supprimé", "Product deleted"),
    ("price_list.create", "Tarif créé", "Price list made"),
    ("price_list.update", "Tarif modifié", "Price list changed"),
    ("price_list.set_prices", "Prix fixés", "Prices set"),
    ("price_list.delete", "Tarif supprimé", "Price list deleted"),
    ("order.place", "Commande passée", "Order placed"),
    ("order.amend", "Commande modifiée", "Order changed"),
    ("order.confirm", "Commande confirmée", "Order confirmed"),
    ("order.approve", "Commande retenue acceptée", "Held order approved"),
    ("order.ship", "Commande expédiée", "Order shipped"),
    ("order.deliver", "Commande livrée", "Order delivered"),
    ("order.cancel", "Commande annulée", "Order cancelled"),
    ("order.cancel_rest", "Reste de la commande annulé", "Rest of the order cancelled"),
    ("shipment.dispatch", "Expédition partie", "Shipment dispatched"),
    ("shipment.deliver", "Expédition livrée", "Shipment delivered"),
    ("return.receive", "Retour reçu", "Return received"),
    ("return.credit", "Avoir fait pour un retour", "Credit note made for a return"),
    ("purchase_order.create", "Achat commandé", "Purchase ordered"),
    ("purchase_order.update", "Achat modifié", "Purchase changed"),
    ("purchase_order.cancel", "Achat annulé", "Purchase cancelled"),
    ("invoice.create", "Facture préparée", "Invoice drafted"),
    ("invoice.update", "Brouillon de facture modifié", "Draft of an invoice changed"),
    ("invoice.delete", "Brouillon de facture supprimé", "Draft of an invoice deleted"),
    ("invoice.validate", "Facture validée", "Invoice validated"),
    ("invoice.send", "Envoi de la facture demandé", "Invoice to be sent"),
    ("invoice.sent", "Facture remise", "Invoice handed over"),
    ("invoice.platform_status", "Réponse de la plateforme", "Answer of the platform"),
    ("invoice.dispute", "Contestation notée", "Dispute noted"),
    ("invoice.end_dispute", "Contestation close", "Dispute ended"),
    ("invoice_document.make", "Document de la facture fait", "Document of the invoice made"),
    ("payment.record", "Paiement enregistré", "Payment recorded"),
    ("payment.reverse", "Paiement annulé", "Payment reversed"),
    ("accounting.set_accounts", "Comptes comptables choisis", "Accounts chosen"),
    ("document_style.update", "Présentation des documents changée", "Look of the documents changed"),
    ("document_style.set_logo", "Logo changé", "Logo changed"),
    ("document_style.remove_logo", "Logo retiré", "Logo removed"),
    ("stock.receive", "Réception entrée", "Receipt posted"),
    ("stock.adjust", "Stock corrigé", "Stock adjusted"),
    ("stock.write_off", "Stock mis au rebut", "Stock written off"),
    ("stock.transfer", "Stock transféré", "Stock transferred"),
    ("stock.relocate", "Stock changé d'emplacement", "Stock put elsewhere"),
    ("stock.set_reorder_rule", "Seuil de réapprovisionnement changé", "Reorder rule changed"),
    ("stock.serve_waiting", "Stock donné aux commandes qui attendent", "Stock given to waiting orders"),
    ("warehouse.create", "Dépôt créé", "Warehouse made"),
    ("warehouse.update", "Dépôt modifié", "Warehouse changed"),
    ("warehouse.make_default", "Dépôt par défaut choisi", "Default warehouse chosen"),
    ("warehouse.archive", "Dépôt mis hors service", "Warehouse put out of use"),
    ("location.create", "Emplacement créé", "Location made"),
    ("location.update", "Emplacement modifié", "Location changed"),
    ("location.archive", "Emplacement mis hors service", "Location put out of use"),
    ("inventory_count.create", "Comptage prévu", "Count planned"),
    ("inventory_count.start", "Comptage commencé", "Count begun"),
    ("inventory_count.record", "Lignes comptées", "Lines counted"),
    ("inventory_count.review", "Comptage à vérifier", "Count to be checked"),
    ("inventory_count.recount", "Nouveau comptage demandé", "Lines to be counted again"),
    ("inventory_count.close", "Comptage clos", "Count closed"),
    ("inventory_count.cancel", "Comptage annulé", "Count cancelled"),
    ("import.create", "Import demandé", "Import begun"),
    ("import.resume", "Import repris", "Import resumed"),
    ("import.cancel", "Import arrêté", "Import stopped"),
    ("email.requeue", "E-mail remis en file", "E-mail queued again"),
    ("email.discard", "E-mail écarté", "E-mail discarded"),
    ("email.requeue_matching", "E-mails remis en file", "E-mails queued again"),
    ("email.discard_matching", "E-mails écartés", "E-mails discarded"),
    ("projection_event.requeue", "Événement des rapports repris", "Event of the reports taken again"),
    ("projection_event.discard", "Événement des rapports écarté", "Event of the reports discarded"),
];

/// With what it was done.
const OBJECTS: &[(&str, &str, &str)] = &[
    ("api_key", "clé", "key"),
    ("category", "catégorie", "category"),
    ("customer", "client", "customer"),
    ("customer_group", "groupe de clients", "customer group"),
    ("document_style", "présentation des documents", "look of the documents"),
    ("email", "e-mail", "e-mail"),
    ("import", "import", "import"),
    ("inventory_count", "comptage", "count"),
    ("invoice", "facture", "invoice"),
    ("invoice_document", "document de facture", "document of an invoice"),
    ("location", "emplacement", "location"),
    ("order", "commande", "order"),
    ("payment", "paiement", "payment"),
    ("price_list", "tarif", "price list"),
    ("product", "article", "product"),
    ("projection_event", "événement des rapports", "event of the reports"),
    ("purchase_order", "achat", "purchase"),
    ("return", "retour", "return"),
    ("route", "adresse de l'API", "address of the API"),
    ("session", "session", "session"),
    ("shipment", "expédition", "shipment"),
    ("stock", "stock", "stock"),
    ("stock_document", "document de stock", "stock document"),
    ("supplier", "fournisseur", "supplier"),
    ("tenant", "société", "company"),
    ("user", "utilisateur", "user"),
    ("warehouse", "dépôt", "warehouse"),
];

/// What an entry says; the action's own name where there are no words, such as for one that an older version wrote.
pub(crate) fn deed(action: &str, language: Language) -> String {
    find(DEEDS, action, language)
}

/// What an entry is about.
pub(crate) fn object(resource_type: &str, language: Language) -> String {
    find(OBJECTS, resource_type, language)
}

fn find(words: &[(&str, &str, &str)], name: &str, language: Language) -> String {
    let found = words.iter().find(|(known, _, _)| *known == name);
    found.map_or_else(
        || name.to_owned(),
        |(_, french, english)| match language {
            Language::Fr => set(french, language),
            Language::En => set(english, language),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &str) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)]);
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
                let kind = if path.is_dir() { &mut folders } else { &mut found };
                kind.push(path);
            }
        }
        found
    }

    /// Actions are literals of the commands, and nothing lists them. Names of events look the same.
    fn actions() -> BTreeSet<String> {
        let known: BTreeSet<&str> =
            DEEDS.iter().filter_map(|(action, _, _)| action.split('.').next()).chain(types()).collect();
        let events: BTreeSet<String> = files("../schema/events")
            .iter()
            .filter_map(|path| {
                let mut parts = path.file_name()?.to_str()?.split('.');
                Some(format!("{}.{}", parts.next()?, parts.next()?))
            })
            .collect();
        assert!(events.contains("order.placed"), "{events:?}");
        let mut found = BTreeSet::new();
        for path in files("../core/src") {
            if path.extension().is_none_or(|extension| extension != "rs") || is_of_tests(&path) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let names = code.split('"').filter(|text| {
                let is_name = |part: &str| {
                    !part.is_empty() && part.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
                };
                text.split_once('.').is_some_and(|(object, verb)| known.contains(object) && is_name(verb))
            });
            found.extend(names.filter(|name| !events.contains(*name)).map(str::to_owned));
        }
        found
    }

    fn types() -> impl Iterator<Item = &'static str> {
        OBJECTS.iter().map(|(name, _, _)| *name)
    }

    fn is_of_tests(path: &Path) -> bool {
        path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with("_tests"))
    }

    #[test]
    fn each_action_that_a_command_writes_has_words() {
        let found = actions();
        assert!(found.len() > 90, "{found:?}");
        let known: BTreeSet<&str> = DEEDS.iter().map(|(action, _, _)| *action).collect();
        assert_eq!(known.len(), DEEDS.len(), "one of them twice");
        let without: Vec<_> = found.iter().filter(|action| !known.contains(action.as_str())).collect();
        assert!(without.is_empty(), "no words for {without:?}");
        // What is both an action and an event is not told apart.
        let gone: Vec<_> =
            known.iter().filter(|action| !found.contains(**action) && **action != "invoice.sent").collect();
        assert!(gone.is_empty(), "no command writes {gone:?}");
    }

    #[test]
    fn what_has_no_words_is_called_by_its_name() {
        assert_eq!(deed("order.confirm", Language::Fr), "Commande confirmée");
        assert_eq!(deed("order.juggle", Language::Fr), "order.juggle");
        assert_eq!(object("order", Language::En), "order");
        let objects: BTreeSet<&str> = types().collect();
        for (action, _, _) in DEEDS {
            let object = action.split('.').next().unwrap_or_default();
            // These three are about a company, a route, and whatever was erased.
            let is_of_another = matches!(object, "accounting" | "request" | "audit");
            assert!(is_of_another || objects.contains(object), "{object}");
        }
    }
}
