//! On which accounts sales and payments are booked, and the export for a fiscal year. The form becomes the body of
//! `PUT /api/v1/accounting/accounts`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{Datelike, NaiveDate};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::accounting::{self, AccountsView, Purpose, SetAccounts};
use comptoir_core::commerce::vat::Category;
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_to};
use crate::console::format::typed_decimal;
use crate::console::forms::{Choice, Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, View};
use crate::console::reports::table::reports;
use crate::console::visitor::Visitor;
use crate::console::words::{Accounting, accounting as said};
use crate::error::ApiError;
use crate::extract::Faults;
use crate::routes::accounting::AccountsRequest;

const PATH: &str = "/console/reports/accounts";
const FIELDS: &[&str] = &["accounts.*.rate", "accounts.*.number", "accounts.*.label"];
const SPARE: usize = 3;

#[derive(Template)]
#[template(path = "console/accounting/accounts.html")]
struct AccountsPage {
    page: Page,
    w: &'static Accounting,
    faults: FormFaults,
    key: String,
    reports: Vec<View>,
    may_write: bool,
    accounts: Vec<Row>,
    defaults: Vec<Usual>,
    /// The fiscal year that the form of the export begins with.
    from: String,
    to: String,
}

struct Row {
    field: String,
    rate_field: String,
    number_field: String,
    label_field: String,
    purposes: Vec<Choice>,
    categories: Vec<Choice>,
    rate: String,
    number: String,
    label: String,
}

struct Usual {
    purpose: &'static str,
    number: String,
    label: String,
}

/// An account as it is typed.
#[derive(Default)]
struct Typed {
    purpose: String,
    category: String,
    rate: String,
    number: String,
    label: String,
}

fn row(index: usize, typed: Typed, visitor: &Visitor) -> Row {
    let purpose = |purpose: Purpose| {
        Choice::new(purpose.name(), said::purpose(purpose, visitor.language), &typed.purpose)
    };
    let category = |category: Category| Choice::new(category.code(), category.code(), &typed.category);
    Row {
        field: format!("accounts.{index}"),
        rate_field: format!("accounts.{index}.rate"),
        number_field: format!("accounts.{index}.number"),
        label_field: format!("accounts.{index}.label"),
        purposes: Purpose::ALL.into_iter().map(purpose).collect(),
        categories: Category::ALL.into_iter().map(category).collect(),
        rate: typed.rate,
        number: typed.number,
        label: typed.label,
    }
}

fn of_view(view: &AccountsView) -> Vec<Typed> {
    let typed = |account: &accounting::AccountView| Typed {
        purpose: account.purpose.name().to_owned(),
        category: account.category.map(|category| category.code().to_owned()).unwrap_or_default(),
        rate: account.rate.as_ref().map(ToString::to_string).unwrap_or_default(),
        number: account.number.to_string(),
        label: account.label.clone(),
    };
    view.accounts.iter().map(typed).collect()
}

/// Rows without a number and a label are left out.
fn of_form(form: &Form) -> Vec<Typed> {
    let row = |index: usize| {
        let text =
            |member: &str| form.get(&format!("accounts.{index}.{member}")).unwrap_or_default().to_owned();
        Typed {
            purpose: text("purpose"),
            category: text("category"),
            rate: text("rate"),
            number: text("number"),
            label: text("label"),
        }
    };
    let rows = (0..form.rows("accounts")).map(row);
    rows.filter(|typed| !typed.number.is_empty() || !typed.label.is_empty()).collect()
}

async fn written(
    typed: Option<(Vec<Typed>, &Form, FormFaults)>,
    is_done: bool,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let w = Accounting::of(visitor.language);
    let view = accounting::accounts(database, &visitor.context).await?;
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (mut rows, key, faults) = match typed {
        Some((rows, form, faults)) => (rows, form.key_text(), faults),
        None => (of_view(&view), new_key(), FormFaults::default()),
    };
    rows.extend((0..SPARE).map(|_| Typed::default()));
    let last = visitor.format.today().year() - 1;
    let day =
        |month, day| NaiveDate::from_ymd_opt(last, month, day).map(|day| day.to_string()).unwrap_or_default();
    let usual = view.defaults.iter().map(|one| Usual {
        purpose: said::purpose(one.purpose, visitor.language),
        number: one.number.clone(),
        label: one.label.clone(),
    });
    let page = AccountsPage {
        page: visitor.page(w.accounts).saying(is_done.then_some(w.done_accounts)),
        w,
        faults,
        key,
        reports: reports(PATH, visitor),
        may_write: visitor.may(Permission::AccountingWrite),
        accounts: rows.into_iter().enumerate().map(|(index, typed)| row(index, typed, visitor)).collect(),
        defaults: usual.collect(),
        from: day(1, 1),
        to: day(12, 31),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let is_done = Address::of(&request).is("done", "set");
    written(None, is_done, &visitor, &database).await
}

pub(super) async fn set(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let typed = of_form(&form);
    let account = |typed: &Typed| {
        let members = [
            ("purpose", typed.purpose.clone()),
            ("category", typed.category.clone()),
            ("rate", typed_decimal(&typed.rate, visitor.language)),
            ("number", typed.number.clone()),
            ("label", typed.label.clone()),
        ];
        let given = members.into_iter().filter(|(_, text)| !text.is_empty());
        Value::Object(given.map(|(name, text)| (name.to_owned(), json!(text))).collect::<Map<_, _>>())
    };
    let accounts: Vec<Value> = typed.iter().map(account).collect();
    let read: Result<AccountsRequest, Faults> = deserr::deserialize(json!({ "accounts": accounts }));
    let error = match read {
        Ok(asked) => {
            let to = leads_to(|_: &AccountsView| format!("{PATH}?done=set"));
            match executor.execute(visitor.context.clone(), form.key()?, SetAccounts::from(asked), to).await {
                Ok(answer) => return Ok(follow(answer, PATH)),
                Err(error) => ApiError::from(error),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
    written(Some((typed, &form, faults)), false, &visitor, &database).await
}
