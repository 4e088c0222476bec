//! What each permission allows, in words.

use comptoir_core::application::Permission;
use comptoir_core::values::language::Language;

/// The headings under which permissions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Trade,
    Goods,
    Money,
    Administration,
}

impl Area {
    pub(crate) const ALL: [Self; 4] = [Self::Trade, Self::Goods, Self::Money, Self::Administration];

    pub(crate) fn label(self, language: Language) -> &'static str {
        let (french, english) = match self {
            Self::Trade => ("Clients et commandes", "Customers and orders"),
            Self::Goods => ("Produits et stock", "Products and stock"),
            Self::Money => ("Factures et comptes", "Invoices and accounts"),
            Self::Administration => ("Administration", "Administration"),
        };
        match language {
            Language::Fr => french,
            Language::En => english,
        }
    }
}

pub(crate) fn area(permission: Permission) -> Area {
    let subject = permission.name().split(':').next().unwrap_or_default();
    match subject {
        "customers" | "orders" | "prices" => Area::Trade,
        "suppliers" | "products" | "warehouses" | "stock" | "purchases" | "inventory" => Area::Goods,
        "invoices" | "payments" | "accounting" | "reports" => Area::Money,
        _ => Area::Administration,
    }
}

pub(crate) fn label(permission: Permission, language: Language) -> &'static str {
    let (french, english) = match permission {
        Permission::CustomersRead => ("Voir les clients", "See customers"),
        Permission::CustomersWrite => ("Créer et changer des clients", "Add and change customers"),
        Permission::CustomersCredit => ("Fixer les plafonds de crédit", "Set credit limits"),
        Permission::CustomersAnonymise => {
            ("Rendre des clients anonymes, pour de bon", "Make customers anonymous, for good")
        }
        Permission::SuppliersRead => ("Voir les fournisseurs", "See suppliers"),
        Permission::SuppliersWrite => ("Créer et changer des fournisseurs", "Add and change suppliers"),
        Permission::ProductsRead => {
            ("Voir les produits et leurs prix de catalogue", "See products and their listed prices")
        }
        Permission::ProductsWrite => ("Créer et changer des produits", "Add and change products"),
        Permission::PricesRead => {
            ("Voir les tarifs et les groupes de clients", "See price lists and groups of customers")
        }
        Permission::PricesWrite => {
            ("Changer les tarifs et les groupes de clients", "Change price lists and groups of customers")
        }
        Permission::WarehousesRead => {
            ("Voir les dépôts et leurs emplacements", "See warehouses and their places")
        }
        Permission::WarehousesWrite => {
            ("Changer les dépôts et leurs emplacements", "Change warehouses and their places")
        }
        Permission::OrdersRead => ("Voir les commandes, sans les prix", "See orders, without prices"),
        Permission::OrdersPrices => {
            ("Voir les prix des commandes et les encours", "See prices of orders, and credit")
        }
        Permission::OrdersWrite => {
            ("Passer, confirmer et annuler des commandes", "Place, confirm and cancel orders")
        }
        Permission::OrdersShip => ("Expédier des commandes", "Ship orders"),
        Permission::OrdersApprove => ("Lever la retenue d'une commande", "Let a held order go on"),
        Permission::StockRead => ("Voir le stock et ses mouvements", "See stock and its movements"),
        Permission::StockWrite => ("Réceptionner et transférer", "Receive and transfer goods"),
        Permission::StockAdjust => ("Corriger le stock", "Adjust stock"),
        Permission::StockCosts => ("Voir les coûts", "See costs"),
        Permission::PurchasesRead => ("Voir les commandes aux fournisseurs", "See purchase orders"),
        Permission::PurchasesWrite => ("Commander aux fournisseurs", "Order from suppliers"),
        Permission::InventoryRead => ("Voir les comptages", "See inventory counts"),
        Permission::InventoryCount => ("Compter", "Count"),
        Permission::InventoryClose => ("Clore et annuler des comptages", "Close and cancel counts"),
        Permission::InvoicesRead => ("Voir les factures", "See invoices"),
        Permission::InvoicesWrite => ("Préparer et envoyer des factures", "Draft and send invoices"),
        Permission::InvoicesValidate => ("Valider des factures", "Validate invoices"),
        Permission::PaymentsRead => ("Voir les paiements", "See payments"),
        Permission::PaymentsWrite => ("Enregistrer des paiements", "Record payments"),
        Permission::AccountingRead => ("Voir et exporter les écritures", "See and export the books"),
        Permission::AccountingWrite => ("Choisir les comptes comptables", "Choose the accounts of the books"),
        Permission::UsersRead => ("Voir les utilisateurs", "See users"),
        Permission::UsersWrite => ("Gérer les utilisateurs et leurs droits", "Manage users and their rights"),
        Permission::ApiKeysRead => ("Voir les clés", "See keys"),
        Permission::ApiKeysWrite => ("Créer et révoquer des clés", "Make and revoke keys"),
        Permission::TenantRead => ("Voir les réglages", "See settings"),
        Permission::TenantWrite => ("Changer les réglages", "Change settings"),
        Permission::AuditRead => ("Voir l'audit", "See the audit trail"),
        Permission::EmailsRead => ("Voir les e-mails", "See e-mails"),
        Permission::EmailsWrite => ("Renvoyer et écarter des e-mails", "Send again and discard e-mails"),
        Permission::ReportsRead => ("Voir les rapports", "See reports"),
        Permission::ProjectionsRead => ("Voir ce qui manque aux rapports", "See what the reports lack"),
        Permission::ProjectionsWrite => {
            ("Décider de ce qui manque aux rapports", "Decide about what the reports lack")
        }
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}
