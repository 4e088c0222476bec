//! Examples of the events of customers, suppliers, what is sold and where it lies.

use super::super::categories::{CategoryCreatedV1, CategoryDeletedV1, CategoryUpdatedV1};
use super::super::customer_groups::{CustomerGroupCreatedV1, CustomerGroupDeletedV1, CustomerGroupUpdatedV1};
use super::super::customers::{
    CustomerAnonymisedV1, CustomerCreatedV1, CustomerDeletedV1, CustomerUpdatedV1,
};
use super::super::locations::{LocationArchivedV1, LocationCreatedV1, LocationUpdatedV1};
use super::super::price_lists::{PriceListChangedV1, PriceListCreatedV1, PriceListDeletedV1};
use super::super::products::{ProductArchivedV1, ProductCreatedV1, ProductDeletedV1, ProductUpdatedV1};
use super::super::suppliers::{SupplierCreatedV1, SupplierDeletedV1, SupplierUpdatedV1};
use super::super::warehouses::{WarehouseArchivedV1, WarehouseCreatedV1, WarehouseUpdatedV1};
use super::examples::{Contracts, address, at, external_id, happened, uuid};
use super::schema::contract;
use crate::application::events::Event;
use crate::commerce::addresses::{Address, AddressKind};
use crate::commerce::categories::{Category, CategoryCode, CategoryDetails, CategoryName, Place};
use crate::commerce::customer_groups::{
    CustomerGroup, CustomerGroupCode, CustomerGroupDetails, CustomerGroupName,
};
use crate::commerce::customers::{
    CreditLimit, Customer, CustomerCode, CustomerDetails, CustomerInvoicing, CustomerName,
};
use crate::commerce::locations::{Location, LocationCode, LocationDetails, LocationName};
use crate::commerce::prices::{
    PriceList, PriceListCode, PriceListDetails, PriceListEvent, PriceListName, PriceTarget, ValidPeriod,
};
use crate::commerce::products::{Barcodes, Product, ProductDetails, ProductName, Sku};
use crate::commerce::suppliers::{Supplier, SupplierCode, SupplierDetails, SupplierName};
use crate::commerce::vat::Nature;
use crate::commerce::warehouses::{Warehouse, WarehouseCode, WarehouseDetails, WarehouseName};
use crate::values::business_date::BusinessDate;
use crate::values::contact::{Email, VatNumber};
use crate::values::gtin::Gtin;
use crate::values::ids::{
    CategoryId, CustomerGroupId, CustomerId, LocationId, PriceListId, ProductId, SupplierId, WarehouseId,
};
use crate::values::language::Language;
use crate::values::money::{UnitPrice, VatRate};
use crate::values::party::{CustomerKind, ElectronicAddress, LegalForm};
use crate::values::payment_terms::PaymentTerms;
use crate::values::registration::Registration;
use crate::values::unit::Unit;

pub(super) fn add_to(contracts: &mut Contracts) {
    let (mut a_customer, created) = customer();
    contracts.add(created, contract::<CustomerCreatedV1>);
    let renamed = CustomerDetails {
        external_id: external_id("ERP-70412"),
        name: CustomerName::parse("Librairie et salon de thé des Carmes").expect("valid"),
        ..a_customer.details().clone()
    };
    let updated = a_customer.update(renamed, at(1)).expect("a change");
    contracts.add(happened(updated), contract::<CustomerUpdatedV1>);
    contracts.add(happened(a_customer.clone().forget(at(2))), contract::<CustomerAnonymisedV1>);
    contracts.add(
        happened(a_customer.delete(false, false, at(2)).expect("allowed")),
        contract::<CustomerDeletedV1>,
    );

    let (mut a_group, created) = customer_group();
    contracts.add(created, contract::<CustomerGroupCreatedV1>);
    let name = CustomerGroupName::parse("Revendeurs et cafés").expect("valid");
    let renamed = CustomerGroupDetails { name, ..a_group.details().clone() };
    contracts
        .add(happened(a_group.update(renamed, at(1)).expect("a change")), contract::<CustomerGroupUpdatedV1>);
    contracts.add(happened(a_group.delete(at(2))), contract::<CustomerGroupDeletedV1>);

    let (mut a_list, created) = price_list();
    contracts.add(created, contract::<PriceListCreatedV1>);
    let longer = ValidPeriod { to: None, ..a_list.details().period };
    let longer = PriceListDetails { period: longer, ..a_list.details().clone() };
    let Some(PriceListEvent::Changed { list, .. }) = a_list.update(longer, at(1)) else { panic!("a change") };
    let products = vec![ProductId::from_uuid(uuid(2)), ProductId::from_uuid(uuid(3))];
    contracts.add(happened(PriceListEvent::Changed { list, products }), contract::<PriceListChangedV1>);
    contracts.add(happened(a_list.delete(at(2))), contract::<PriceListDeletedV1>);

    let (mut a_supplier, created) = supplier();
    contracts.add(created, contract::<SupplierCreatedV1>);
    let sooner =
        SupplierDetails { payment_terms: PaymentTerms::new(30, false).ok(), ..a_supplier.details().clone() };
    let updated = a_supplier.update(sooner, at(1)).expect("a change");
    contracts.add(happened(updated), contract::<SupplierUpdatedV1>);
    contracts.add(happened(a_supplier.delete(at(2))), contract::<SupplierDeletedV1>);

    let (mut a_category, created) = category();
    contracts.add(created, contract::<CategoryCreatedV1>);
    let at_the_top = CategoryDetails { parent_id: None, ..a_category.details().clone() };
    let moved = a_category.update(at_the_top, &Place::default(), at(1)).expect("allowed");
    contracts.add(happened(moved.expect("a change")), contract::<CategoryUpdatedV1>);
    contracts.add(happened(a_category.delete(false, at(2)).expect("allowed")), contract::<CategoryDeletedV1>);

    let (mut tea, created) = product(2, "TEA-EG-250", "Earl Grey, 250 g", "12.50", "5.5");
    contracts.add(created, contract::<ProductCreatedV1>);
    let dearer =
        ProductDetails { unit_price: UnitPrice::parse("13.20").expect("valid"), ..tea.details().clone() };
    contracts.add(
        happened(tea.update(dearer, at(1)).expect("allowed").expect("a change")),
        contract::<ProductUpdatedV1>,
    );
    let mut never_ordered = tea.clone();
    contracts.add(happened(tea.archive(at(2)).expect("allowed")), contract::<ProductArchivedV1>);
    contracts.add(happened(never_ordered.remove(at(2)).expect("allowed")), contract::<ProductDeletedV1>);

    let (mut a_warehouse, created) = warehouse();
    contracts.add(created, contract::<WarehouseCreatedV1>);
    let mut closed = a_warehouse.clone();
    let gained = a_warehouse.make_default(at(1)).expect("allowed").expect("a change");
    contracts.add(happened(gained), contract::<WarehouseUpdatedV1>);
    contracts
        .add(happened(closed.archive(false, None, at(2)).expect("allowed")), contract::<WarehouseArchivedV1>);

    let (mut a_location, created) = location();
    contracts.add(created, contract::<LocationCreatedV1>);
    let code = LocationCode::parse("A-01-4").expect("valid");
    let renamed = LocationDetails { code, ..a_location.details().clone() };
    let updated = a_location.update(renamed, at(1)).expect("allowed").expect("a change");
    contracts.add(happened(updated), contract::<LocationUpdatedV1>);
    contracts
        .add(happened(a_location.archive(false, at(2)).expect("allowed")), contract::<LocationArchivedV1>);
}

fn customer() -> (Customer, Box<dyn Event>) {
    let details = CustomerDetails {
        external_id: external_id("ERP-70412"),
        code: CustomerCode::parse("C-1042").expect("valid"),
        name: CustomerName::parse("Librairie des Carmes").expect("valid"),
        email: Email::parse("achats@carmes.example").expect("valid"),
        vat_number: Some(VatNumber::parse("FR40303265045").expect("valid")),
        addresses: vec![Address { kind: AddressKind::Billing, postal: address() }],
        credit_limit: CreditLimit::parse("5000").ok(),
        invoicing: CustomerInvoicing {
            kind: Some(CustomerKind::Business),
            legal_form: LegalForm::parse("SARL").ok(),
            registration: Registration::parse("siren", "303265045").ok(),
            electronic_address: ElectronicAddress::new("0225", "303265045").ok(),
            language: Some(Language::Fr),
            payment_terms: PaymentTerms::new(30, false).ok(),
            ..CustomerInvoicing::default()
        },
        group_id: Some(CustomerGroupId::from_uuid(uuid(31))),
    };
    let (customer, event) = Customer::create(CustomerId::from_uuid(uuid(1)), details, at(0));
    (customer, happened(event))
}

fn customer_group() -> (CustomerGroup, Box<dyn Event>) {
    let details = CustomerGroupDetails {
        code: CustomerGroupCode::parse("RESELLERS").expect("valid"),
        name: CustomerGroupName::parse("Revendeurs").expect("valid"),
    };
    let (group, event) = CustomerGroup::create(CustomerGroupId::from_uuid(uuid(31)), details, at(0));
    (group, happened(event))
}

fn price_list() -> (PriceList, Box<dyn Event>) {
    let details = PriceListDetails {
        code: PriceListCode::parse("SPRING-2026").expect("valid"),
        name: PriceListName::parse("Printemps 2026").expect("valid"),
        period: ValidPeriod {
            from: Some(BusinessDate::of(at(0))),
            to: Some(BusinessDate::of(at(7_776_000))),
        },
    };
    let target = PriceTarget::Group(CustomerGroupId::from_uuid(uuid(31)));
    let (list, event) = PriceList::create(PriceListId::from_uuid(uuid(32)), details, target, at(0));
    (list, happened(event))
}

fn supplier() -> (Supplier, Box<dyn Event>) {
    let details = SupplierDetails {
        external_id: external_id("ERP-311"),
        code: SupplierCode::parse("S-7").expect("valid"),
        name: SupplierName::parse("Terres de Thé").expect("valid"),
        vat_number: Some(VatNumber::parse("FR40303265045").expect("valid")),
        addresses: vec![Address { kind: AddressKind::Billing, postal: address() }],
        payment_terms: PaymentTerms::new(45, true).ok(),
    };
    let (supplier, event) = Supplier::create(SupplierId::from_uuid(uuid(9)), details, at(0));
    (supplier, happened(event))
}

fn category() -> (Category, Box<dyn Event>) {
    let parent = CategoryId::from_uuid(uuid(11));
    let details = CategoryDetails {
        external_id: external_id("ERP-TEA-2"),
        code: CategoryCode::parse("TEA-BLACK").expect("valid"),
        name: CategoryName::parse("Black teas").expect("valid"),
        parent_id: Some(parent),
    };
    let place = Place { above: vec![parent], below: 0 };
    let created = Category::create(CategoryId::from_uuid(uuid(10)), details, &place, at(0));
    let (category, event) = created.expect("allowed");
    (category, happened(event))
}

pub(super) fn product(
    number: u128,
    sku: &str,
    name: &str,
    price: &str,
    vat: &str,
) -> (Product, Box<dyn Event>) {
    let details = ProductDetails {
        external_id: external_id("ERP-9001"),
        sku: Sku::parse(sku).expect("valid"),
        name: ProductName::parse(name).expect("valid"),
        unit_price: UnitPrice::parse(price).expect("valid"),
        vat_rate: VatRate::parse(vat).expect("valid"),
        unit: Unit::default(),
        quantity_decimals: Unit::default().decimals(),
        stocked: true,
        category_id: Some(CategoryId::from_uuid(uuid(10))),
        barcodes: Barcodes::parse(vec![Gtin::parse("3017620422003").expect("valid")]).expect("valid"),
        nature: Nature::Goods,
    };
    let (product, event) = Product::create(ProductId::from_uuid(uuid(number)), details, at(0));
    (product, happened(event))
}

fn warehouse() -> (Warehouse, Box<dyn Event>) {
    let details = WarehouseDetails {
        external_id: external_id("ERP-W1"),
        code: WarehouseCode::parse("MAIN").expect("valid"),
        name: WarehouseName::parse("Entrepôt principal").expect("valid"),
        address: Some(address()),
    };
    let (warehouse, event) = Warehouse::create(WarehouseId::from_uuid(uuid(21)), details, false, at(0));
    (warehouse, happened(event))
}

fn location() -> (Location, Box<dyn Event>) {
    let details = LocationDetails {
        external_id: external_id("ERP-W1-A013"),
        code: LocationCode::parse("A-01-3").expect("valid"),
        name: Some(LocationName::parse("Aisle A, bay 1, shelf 3").expect("valid")),
    };
    let (id, warehouse) = (LocationId::from_uuid(uuid(22)), WarehouseId::from_uuid(uuid(21)));
    let (location, event) = Location::create(id, warehouse, details, at(0));
    (location, happened(event))
}
