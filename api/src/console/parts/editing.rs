//! How rows are made, changed and deleted by forms: the same for all that the API creates, patches and deletes alike. The
//! form becomes the body of the API's request, which reads it.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::{Command, Executor};
use comptoir_core::application::{Edit, TenantDatabase};
use comptoir_core::values::language::Language;

use super::save::refused;
use super::versions::side_by_side;
use super::{FormPage, Link, Saved, Section, Shown, Spec, Values, saved};
use crate::console::answers::leads_to;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Parts;
use crate::error::ApiError;
use crate::extract::{Editable, part};

/// Empty rows after "add".
const MORE: usize = 2;

/// What the forms of a subject say.
#[derive(Debug)]
pub(crate) struct Said {
    /// The list.
    pub(crate) title: Word,
    pub(crate) create: Word,
    pub(crate) edit: Word,
    pub(crate) delete: Word,
    pub(crate) delete_hint: Word,
}

/// A kind of row that forms make, change and delete.
pub(crate) trait Edited: Sized + 'static {
    /// The body of the API's requests.
    type Request: Editable;
    type Id: FromStr + Display + Copy + Send + Sync + 'static;
    type Create: Command<Outcome = <Self::Request as Editable>::View>;
    type Update: Command<Outcome = <Self::Request as Editable>::View>;
    type Delete: Command<Outcome = ()>;

    /// The list; the pages of a row are below it.
    const PATH: &'static str;
    const SPEC: Spec;

    /// Reads the form of a new row, as the API reads the body of its request.
    ///
    /// # Errors
    /// 422 with all that is wrong.
    fn create(values: &Values) -> Result<Self::Create, ApiError>;
    fn update(id: Self::Id, expected_version: Option<i64>, edit: EditOf<Self>) -> Self::Update;
    fn delete(id: Self::Id, expected_version: Option<i64>) -> Self::Delete;
    fn id(view: &ViewOf<Self>) -> Self::Id;
    fn version(view: &ViewOf<Self>) -> i64;
    /// What people call the row.
    fn name(view: &ViewOf<Self>) -> String;
    fn said(language: Language) -> Said;

    async fn get(
        database: &TenantDatabase,
        context: &RequestContext,
        id: Self::Id,
    ) -> Result<ViewOf<Self>, Error>;

    /// The fields, with what is in them. Of a row that is there already, `known` is true.
    async fn sections(
        shown: &Shown,
        known: bool,
        visitor: &Visitor,
        database: &TenantDatabase,
    ) -> Result<Vec<Section>, ApiError>;

    /// What stands in the fields of a new row.
    fn first() -> Values {
        Values::default()
    }

    /// Leaves out what this person may not see or set. Of a row that is there already, `known` is true.
    fn permitted(values: Values, _known: bool, _: &Visitor) -> Values {
        values
    }

    /// Finds what was typed in comboboxes and not chosen; returns what was not found.
    async fn resolve(_: &mut Values, _: &Visitor, _: &TenantDatabase) -> Result<FormFaults, ApiError> {
        Ok(FormFaults::default())
    }
}

pub(crate) type ViewOf<E> = <<E as Edited>::Request as Editable>::View;
pub(crate) type EditOf<E> = Edit<ViewOf<E>, <<E as Edited>::Request as Editable>::Details>;

/// What the form is of: a row that is there already has an id and a version.
type Of<E> = Option<(<E as Edited>::Id, i64)>;

pub(crate) async fn show_new<E: Edited>(
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let values = E::permitted(E::first(), false, &visitor);
    written::<E>(None, Shown::of(values), &visitor, &database).await
}

pub(crate) async fn create<E: Edited>(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let mut values = E::permitted(Values::of_form(&form, &E::SPEC, visitor.language), false, &visitor);
    if form.has("more") {
        let shown = Shown::again(values, &form, FormFaults::default(), MORE);
        return written::<E>(None, shown, &visitor, &database).await;
    }
    let faults = E::resolve(&mut values, &visitor, &database).await?;
    if !faults.is_empty() {
        return written::<E>(None, Shown::again(values, &form, faults, 0), &visitor, &database).await;
    }
    let fields = E::SPEC.fields();
    let outcome = match E::create(&values) {
        Ok(command) => {
            let to = leads_to(|view: &ViewOf<E>| format!("{}/{}?done=created", E::PATH, E::id(view)));
            let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
            saved(answer, &fields, &visitor)?
        }
        Err(error) => refused(error, &fields, &visitor)?,
    };
    match outcome {
        Saved::Done(response) => Ok(response),
        Saved::Refused(faults) => {
            written::<E>(None, Shown::again(values, &form, faults, 0), &visitor, &database).await
        }
        // Nothing was there that somebody could have changed.
        Saved::Outdated => written::<E>(None, Shown::of(values), &visitor, &database).await,
    }
}

/// The row as it is now.
async fn known<E: Edited>(
    id: E::Id,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<(Of<E>, Values), ApiError> {
    let view = E::get(database, &visitor.context, id).await?;
    let values = Values::of_view::<E::Request>(&view, &E::SPEC, visitor.language)?;
    Ok((Some((id, E::version(&view))), E::permitted(values, true, visitor)))
}

pub(crate) async fn show<E: Edited>(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (of, values) = known::<E>(part(&request, "id")?, &visitor, &database).await?;
    written::<E>(of, Shown::of(values), &visitor, &database).await
}

pub(crate) async fn update<E: Edited>(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: E::Id = part(&request, "id")?;
    let version = form.version()?;
    let mut values = E::permitted(Values::of_form(&form, &E::SPEC, visitor.language), true, &visitor);
    if form.taken().next().is_some() {
        // If it is changed once more before this is saved, the version is too old.
        let (_, theirs) = known::<E>(id, &visitor, &database).await?;
        form.taken().for_each(|name| values.take(name, &theirs));
    }
    if form.has("more") {
        let shown = Shown::again(values, &form, FormFaults::default(), MORE);
        return written::<E>(Some((id, version)), shown, &visitor, &database).await;
    }
    let command = E::update(id, Some(version), values.edit::<E::Request>(&E::SPEC));
    let to = leads_to(move |_: &ViewOf<E>| format!("{}/{id}?done=saved", E::PATH));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    match saved(answer, &E::SPEC.fields(), &visitor)? {
        Saved::Done(response) => Ok(response),
        Saved::Refused(faults) => {
            let shown = Shown::again(values, &form, faults, 0);
            written::<E>(Some((id, version)), shown, &visitor, &database).await
        }
        Saved::Outdated => {
            let (of, theirs) = known::<E>(id, &visitor, &database).await?;
            written::<E>(of, Shown::beside(values, theirs), &visitor, &database).await
        }
    }
}

async fn written<E: Edited>(
    of: Of<E>,
    shown: Shown,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let (said, shared) = (E::said(visitor.language), Parts::of(visitor.language));
    let (title, crumb, action, submit) = match of {
        None => (said.create, Link::new(E::PATH, said.title), format!("{}/new", E::PATH), said.create),
        Some((id, _)) => {
            let crumb = Link::new(format!("{}/{id}", E::PATH), shown.values.get("name"));
            (said.edit, crumb, format!("{}/{id}/edit", E::PATH), shared.save)
        }
    };
    let status = shown.status();
    let versions = match (of, &shown.theirs) {
        (Some((id, _)), Some(theirs)) => {
            let (mine, theirs) = (Shown::bare(&shown.values), Shown::bare(theirs));
            let mine = E::sections(&mine, true, visitor, database).await?;
            let theirs = E::sections(&theirs, true, visitor, database).await?;
            Some(side_by_side(&mine, &theirs, format!("{}/{id}/edit", E::PATH), visitor))
        }
        _ => None,
    };
    let page = FormPage {
        page: visitor.page(title),
        w: shared,
        crumb,
        hint: String::new(),
        action,
        version: of.map(|(_, version)| version),
        is_outdated: false,
        versions,
        sections: E::sections(&shown, of.is_some(), visitor, database).await?,
        submit: submit.to_string(),
        is_danger: false,
        faults: shown.faults,
        key: shown.key,
    };
    layout::show(status, &page)
}

pub(crate) async fn show_delete<E: Edited>(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask::<E>(part(&request, "id")?, &visitor, &database, None).await
}

pub(crate) async fn delete<E: Edited>(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: E::Id = part(&request, "id")?;
    let command = E::delete(id, Some(form.version()?));
    let to = leads_to(|(): &()| format!("{}?done=deleted", E::PATH));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    match saved(answer, &[], &visitor)? {
        Saved::Done(response) => Ok(response),
        other => ask::<E>(id, &visitor, &database, Some(other)).await,
    }
}

/// Asks before something is done that cannot be taken back; `undone` is why it was not done.
async fn ask<E: Edited>(
    id: E::Id,
    visitor: &Visitor,
    database: &TenantDatabase,
    undone: Option<Saved>,
) -> Result<HttpResponse, ApiError> {
    let said = E::said(visitor.language);
    let view = E::get(database, &visitor.context, id).await?;
    let status = if undone.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let is_outdated = matches!(undone, Some(Saved::Outdated));
    let faults = match undone {
        Some(Saved::Refused(faults)) => faults,
        _ => FormFaults::default(),
    };
    let page = FormPage {
        page: visitor.page(said.delete),
        w: Parts::of(visitor.language),
        faults,
        crumb: Link::new(format!("{}/{id}", E::PATH), E::name(&view)),
        hint: said.delete_hint.to_string(),
        action: format!("{}/{id}/delete", E::PATH),
        key: new_key(),
        version: Some(E::version(&view)),
        is_outdated,
        versions: None,
        sections: Vec::new(),
        submit: said.delete.to_string(),
        is_danger: true,
    };
    layout::show(status, &page)
}
