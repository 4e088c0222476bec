//! The aggregates of the trade: a folder for each, with the same files in each (docs/how-to-add-an-aggregate.md).

pub mod accounting;
pub mod addresses;
pub mod categories;
pub mod credit;
pub mod customer_groups;
pub mod customers;
pub mod documents;
pub mod imports;
pub mod inventory_counts;
pub mod invoices;
pub mod locations;
pub mod orders;
pub mod payments;
pub mod prices;
pub mod products;
pub mod purchase_orders;
pub mod receivables;
pub mod returns;
pub mod sending;
pub mod shipments;
pub mod stock;
pub mod stock_documents;
pub mod suppliers;
pub mod vat;
pub mod warehouses;
