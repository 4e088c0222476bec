//! Warehouses and locations.

super::words! {
    /// The pages of warehouses.
    Warehouses {
        title: "Dépôts", "Warehouses";
        new: "Ajouter un dépôt", "Add a warehouse";
        edit: "Modifier", "Edit";
        edit_title: "Modifier le dépôt", "Edit the warehouse";
        see_stock: "Voir son stock", "See its stock";
        name: "Nom", "Name";
        code: "Code", "Code";
        code_hint: "Court, tel que dans vos livres.", "Short, as in your books.";
        city: "Ville", "City";
        state: "État", "State";
        default: "Par défaut", "Default";
        archived: "Hors service", "Out of use";
        make_default: "Prendre par défaut", "Make it the default";
        archive: "Mettre hors service…", "Take out of use…";
        archive_title: "Mettre hors service :", "Take out of use:";
        archive_hint: "Un dépôt fermé ne rouvre pas. Il doit être vide, et aucun comptage en cours.", "A closed warehouse does not open again. It has to be empty, and not be counted.";
        archive_location_hint: "Un emplacement hors service ne revient pas. Il doit être vide.", "A location out of use does not come back. It has to be empty.";
        archive_do: "Mettre hors service", "Take out of use";
        keep: "Garder", "Keep it";
        locations: "Emplacements", "Locations";
        new_location: "Ajouter un emplacement", "Add a location";
        edit_location: "Modifier l'emplacement", "Edit the location";
        search_location: "Code ou nom", "Code or name";
        location_code_hint: "Ce qui est écrit sur l'étagère, comme A-01-3.", "What stands on the shelf, such as A-01-3.";
        no_locations: "Aucun emplacement ici", "No locations here";
        no_locations_then: "Un dépôt marche aussi sans : les emplacements disent où chercher.", "A warehouse works without any: locations say where to look.";
        external_id: "Identifiant externe", "External id";
        external_id_hint: "Celui de votre propre système, s'il y en a un.", "The one of your own system, if there is one.";
        address: "Adresse", "Address";
        line1: "Adresse", "Address";
        line2: "Complément", "Second line";
        postal_code: "Code postal", "Postal code";
        country: "Pays", "Country";
        country_hint: "Deux lettres, comme FR.", "Two letters, such as FR.";
        save: "Enregistrer", "Save";
        done_saved: "Le dépôt est enregistré.", "The warehouse has been saved.";
        done_default: "Ce dépôt est maintenant celui par défaut.", "This warehouse is the default now.";
        done_archived: "Le dépôt est hors service.", "The warehouse is out of use.";
        done_location: "L'emplacement est enregistré.", "The location has been saved.";
        done_location_archived: "L'emplacement est hors service.", "The location is out of use.";
        changed: "Quelqu'un l'a changé entre-temps. Voici ce qui vaut maintenant : rien n'a été fait.", "Somebody changed it meanwhile. This is what holds now: nothing was done.";
    }
}
