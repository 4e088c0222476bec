//! Suppliers.

super::words! {
    /// The list, one supplier, and the forms.
    Suppliers {
        title: "Fournisseurs", "Suppliers";
        create: "Créer un fournisseur", "Create a supplier";
        edit_title: "Modifier le fournisseur", "Edit the supplier";
        list_label: "Fournisseurs, par code", "Suppliers, by code";
        city: "Ville", "City";
        empty: "Aucun fournisseur pour l'instant", "No suppliers yet";
        empty_then: "Créez le premier ici, ou importez un fichier.", "Create the first one here, or import a file.";
        conditions: "Conditions", "Conditions";
        delete_title: "Supprimer le fournisseur", "Delete the supplier";
        delete_hint: "Un fournisseur que des achats ou des réceptions nomment reste. Une suppression ne se reprend pas.", "A supplier that purchases or receipts name stays. A deletion cannot be taken back.";
        done_saved: "Le fournisseur est enregistré.", "The supplier has been saved.";
    }
}
