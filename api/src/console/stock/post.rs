//! Documents that move goods: receipts, transfers, relocations, adjustments, write-offs. A form becomes the body of the API's request, which
//! reads it: there is no second set of rules.
//!
//! A scanner types a code and Enter: the form comes back with the product in a line of its own, or with one more of it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::products::ProductView;
use comptoir_core::commerce::stock_documents::{MoveGoods, StockDocumentKind, StockDocumentView};
use comptoir_core::values::language::Language;
use deserr::Deserr;
use serde_json::Value;

use super::documents::kind as named;
use crate::console::answers::{follow, leads_there};
use crate::console::choose::{Chosen, one_product};
use crate::console::forms::{Choice, Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::places::Places;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Stock;
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::stock_documents::{
    AdjustStockRequest, ReceiveGoodsRequest, RelocateStockRequest, TransferStockRequest, WriteOffStockRequest,
};

mod draft;

use self::draft::{Draft, Line};

/// The fields that a refusal can be about.
const FIELDS: &[&str] = &[
    "warehouse_id",
    "to_warehouse_id",
    "reference",
    "reason",
    "business_date",
    "lines.*.product_id",
    "lines.*.quantity",
    "lines.*.change",
    "lines.*.unit_cost",
    "lines.*.location_id",
    "lines.*.from_location_id",
    "lines.*.to_location_id",
];
/// Empty lines at the beginning, and after "add lines".
const LINES: usize = 3;
const MORE_LINES: usize = 5;

#[derive(Template)]
#[template(path = "console/stock/post.html")]
struct PostPage {
    page: Page,
    w: &'static Stock,
    faults: FormFaults,
    key: String,
    action: &'static str,
    back: String,
    back_label: Word,
    hint: Word,
    quantity: Word,
    submit: Word,
    warehouses: Vec<Choice>,
    to_warehouses: Vec<Choice>,
    purchase_order_id: String,
    reference: String,
    reason: String,
    is_reason_needed: bool,
    business_date: String,
    scan: String,
    was_scanned: bool,
    lines: Vec<Line>,
    location: Word,
    is_transfer: bool,
    has_to_location: bool,
    takes_costs: bool,
}

/// Where the form of a kind is.
const fn action(kind: StockDocumentKind) -> &'static str {
    match kind {
        StockDocumentKind::Transfer => "/console/stock/transfers/new",
        StockDocumentKind::Adjustment => "/console/stock/adjustments/new",
        StockDocumentKind::WriteOff => "/console/stock/write-offs/new",
        StockDocumentKind::Relocation => "/console/stock/relocations/new",
        StockDocumentKind::Receipt => "/console/receipts/new",
    }
}

fn page(
    kind: StockDocumentKind,
    draft: Draft,
    places: &Places,
    visitor: &Visitor,
    key: String,
    faults: FormFaults,
    spare: usize,
) -> PostPage {
    let w = Stock::of(visitor.language);
    let takes_costs = matches!(kind, StockDocumentKind::Receipt | StockDocumentKind::Adjustment);
    // A cost that one may not see is not asked for: the API takes the average then.
    let takes_costs = takes_costs && visitor.may(Permission::StockCosts);
    let (title, hint, submit) = match kind {
        StockDocumentKind::Transfer => (w.transfer, w.transfer_hint, w.transfer_do),
        StockDocumentKind::Adjustment if takes_costs => (w.adjust, w.adjust_costs_hint, w.adjust_do),
        StockDocumentKind::Adjustment => (w.adjust, w.adjust_hint, w.adjust_do),
        StockDocumentKind::WriteOff => (w.write_off, w.write_off_hint, w.write_off_do),
        StockDocumentKind::Relocation => (w.relocate, w.relocate_hint, w.relocate_do),
        StockDocumentKind::Receipt => (w.receive, w.receive_hint, w.receive_do),
    };
    let is_adjustment = kind == StockDocumentKind::Adjustment;
    let mut lines = draft.lines;
    let typed = lines.len();
    lines.extend((typed..typed + spare).map(|index| Line::empty(index, kind)));
    PostPage {
        page: visitor.page(title),
        w,
        faults,
        key,
        action: action(kind),
        back: format!("/console/receipts?kind={}", kind.as_str()),
        back_label: named(kind, w),
        hint,
        quantity: if is_adjustment { w.change } else { w.quantity },
        submit,
        warehouses: places.to_use(&draft.warehouse_id),
        to_warehouses: places.to_choose(w.choose_warehouse, &draft.to_warehouse_id),
        purchase_order_id: draft.purchase_order_id,
        reference: draft.reference,
        reason: draft.reason,
        is_reason_needed: matches!(kind, StockDocumentKind::Adjustment | StockDocumentKind::WriteOff),
        business_date: draft.business_date,
        scan: draft.scan,
        was_scanned: draft.was_scanned,
        lines,
        location: if kind == StockDocumentKind::Relocation { w.from_location } else { w.location },
        is_transfer: kind == StockDocumentKind::Transfer,
        has_to_location: matches!(kind, StockDocumentKind::Transfer | StockDocumentKind::Relocation),
        takes_costs,
    }
}

async fn show(
    kind: StockDocumentKind,
    request: &HttpRequest,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(request);
    let asked = |name: &str| address.get(name).unwrap_or_default().to_owned();
    let product = one_product(&asked("product"), visitor, database).await?;
    let line = |product: ProductView| Line {
        product: Chosen { text: product.name, id: product.id.to_string() },
        ..Line::empty(0, kind)
    };
    let draft = Draft {
        warehouse_id: asked("warehouse_id"),
        purchase_order_id: asked("purchase_order_id"),
        lines: product.map(line).into_iter().collect(),
        ..Draft::default()
    };
    let places = Places::of(visitor, database).await?;
    layout::ok(&page(kind, draft, &places, visitor, new_key(), FormFaults::default(), LINES))
}

/// What a form says, read by the request of the API that it stands for.
fn read(
    kind: StockDocumentKind,
    body: Value,
    language: Language,
) -> Result<Result<MoveGoods, FormFaults>, ApiError> {
    fn request<T: Deserr<Faults> + Into<MoveGoods>>(body: Value) -> Result<MoveGoods, Faults> {
        deserr::deserialize::<T, _, Faults>(body).map(Into::into)
    }
    let read = match kind {
        StockDocumentKind::Transfer => request::<TransferStockRequest>(body),
        StockDocumentKind::Adjustment => request::<AdjustStockRequest>(body),
        StockDocumentKind::WriteOff => request::<WriteOffStockRequest>(body),
        StockDocumentKind::Relocation => request::<RelocateStockRequest>(body),
        StockDocumentKind::Receipt => request::<ReceiveGoodsRequest>(body),
    };
    match read {
        Ok(command) => Ok(Ok(command)),
        Err(wrong) => Ok(Err(FormFaults::of(wrong.into(), FIELDS, language)?)),
    }
}

async fn post(
    kind: StockDocumentKind,
    visitor: &Visitor,
    form: &Form,
    executor: &Executor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let w = Stock::of(visitor.language);
    let mut draft = Draft::of(form, kind);
    let places = Places::of(visitor, database).await?;
    if form.has("more") || !draft.scan.is_empty() {
        let mut faults = FormFaults::default();
        let spare = if draft.scan.is_empty() { MORE_LINES } else { 0 };
        if !draft.take_scan(kind, visitor, database).await? {
            faults.add("scan", w.unknown_code);
        }
        let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return layout::show(status, &page(kind, draft, &places, visitor, form.key_text(), faults, spare));
    }
    draft.resolve(visitor, database).await?;
    let mut faults = draft.check(w);
    if faults.is_empty() {
        match read(kind, draft.body(kind, visitor.language), visitor.language)? {
            Err(wrong) => faults = wrong,
            Ok(command) => {
                let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await;
                match answer {
                    Ok(answer) => {
                        return Ok(follow(answer, "/console/receipts"));
                    }
                    Err(error) => faults = FormFaults::of(error.into(), FIELDS, visitor.language)?,
                }
            }
        }
    }
    let spare = usize::from(draft.lines.is_empty());
    let page = page(kind, draft, &places, visitor, form.key_text(), faults, spare);
    layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// What is stored under the form's key: where the browser is sent.
fn leads_on(document: StockDocumentView) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/stock/documents/{}?done=posted", document.summary.id)))
}

/// The two handlers of a kind.
macro_rules! form_of {
    ($kind:ident, $show:ident, $post:ident) => {
        pub(super) async fn $show(
            request: HttpRequest,
            visitor: Visitor,
            database: Data<TenantDatabase>,
        ) -> Result<HttpResponse, ApiError> {
            show(StockDocumentKind::$kind, &request, &visitor, &database).await
        }

        pub(super) async fn $post(
            visitor: Visitor,
            form: Form,
            executor: Data<Executor>,
            database: Data<TenantDatabase>,
        ) -> Result<HttpResponse, ApiError> {
            post(StockDocumentKind::$kind, &visitor, &form, &executor, &database).await
        }
    };
}

form_of!(Receipt, show_receipt, receive);
form_of!(Transfer, show_transfer, transfer);
form_of!(Relocation, show_relocation, relocate);
form_of!(Adjustment, show_adjustment, adjust);
form_of!(WriteOff, show_write_off, write_off);
