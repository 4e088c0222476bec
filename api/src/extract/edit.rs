//! The bodies that change a resource: PUT with all of it, PATCH with a part of it.

use std::future::Future;
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use chrono::DateTime;
use comptoir_core::application::error::Error;
use comptoir_core::application::{Edit, EditRefused};
use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::Deserr;
use serde::Serialize;
use serde_json::{Map, Value};

use super::body::{Extraction, JSON, json, parsed, read, typed};
use super::faults::{Faults, escaped};
use super::refuse_query;
use crate::error::ApiError;

/// The media type of a merge patch (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";
/// The read-only members that follow from any change.
const FOLLOWING: [&str; 3] = ["version", "updated_at", "last_login_at"];
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// A request from which a resource is made, and which can replace it.
pub(crate) trait Editable: Deserr<Faults> + 'static {
    /// The resource as core shows it.
    type View: 'static;
    /// The data that the request is about.
    type Details: 'static;
    /// The members that GET gives and nobody sets. PUT and PATCH take them as GET gave them.
    const READ_ONLY: &'static [&'static str];

    /// # Errors
    /// Fails if a rule about several members is broken.
    fn into_details(self) -> Result<Self::Details, Vec<FieldError>>;

    /// Returns the resource as GET gives it.
    fn shown(view: &Self::View) -> impl Serialize;
}

/// The body of a PUT, which has every member that can be set: what is missing would be erased without a word.
///
/// Like [`MergePatch`], it keeps the text, and is parsed again when the resource is there: the values take many times the
/// memory, and commands wait.
#[derive(Debug)]
pub(crate) struct Replacement<T>(Bytes, PhantomData<T>);

/// The body of a PATCH, a merge patch (RFC 7396): members that are missing stay as they are, null erases.
#[derive(Debug)]
pub(crate) struct MergePatch<T>(Bytes, PhantomData<T>);

type Object = Map<String, Value>;

impl<T: Editable> FromRequest for Replacement<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move { Ok(Self(object::<T>(&request, bytes, &[JSON], false).await?, PhantomData)) })
    }
}

impl<T: Editable> FromRequest for MergePatch<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            // RFC 5789, section 2.2.
            let advised =
                |error: ApiError| error.with_header(ACCEPT_PATCH, HeaderValue::from_static(MERGE_PATCH));
            let bytes = object::<T>(&request, bytes, &[MERGE_PATCH, JSON], true).await.map_err(advised)?;
            Ok(Self(bytes, PhantomData))
        })
    }
}

/// Reads a body, and refuses what is wrong with it whatever the resource is like.
async fn object<T: Editable>(
    request: &HttpRequest,
    bytes: impl Future<Output = Result<Bytes, actix_web::Error>>,
    media_types: &[&str],
    is_patch: bool,
) -> Result<Bytes, ApiError> {
    refuse_query(request)?;
    let bytes = read(request, bytes).await?;
    if bytes.is_empty() {
        return Err(ApiError::invalid_field("", "missing_field", "a body is required: a JSON object"));
    }
    match json(request, &bytes, media_types)? {
        Value::Object(object) => check_members::<T>(object, is_patch).map(|()| bytes),
        _ => Err(ApiError::invalid_field("", "wrong_type", "the body must be a JSON object")),
    }
}

/// Refuses values that no resource could have, before anything waits. What is missing is for the edit to judge, except
/// where a patch erases what is always required.
fn check_members<T: Editable>(mut object: Object, is_patch: bool) -> Result<(), ApiError> {
    for key in T::READ_ONLY {
        object.remove(*key);
    }
    let mut erased = Vec::new();
    if is_patch {
        object.retain(|key, value| {
            erased.extend(value.is_null().then(|| format!("/{}", escaped(key))));
            !value.is_null()
        });
    }
    let Err(Faults(mut faults)) = typed::<T>(Value::Object(object)) else { return Ok(()) };
    if faults.iter().all(|fault| fault.code == "missing_field") {
        return Ok(());
    }
    faults.retain(|fault| fault.code != "missing_field" || !is_patch || erased.contains(&fault.pointer));
    Err(ApiError::invalid(faults))
}

/// Parses a body again, which was parsed before.
fn parsed_again(bytes: &[u8]) -> Object {
    parsed(bytes).ok().and_then(|mut value| value.as_object_mut().map(std::mem::take)).unwrap_or_default()
}

impl<T: Editable> Replacement<T> {
    pub(crate) fn edit(self) -> Edit<T::View, T::Details> {
        Edit::new(move |view| {
            let (current, sent) = (current::<T>(view)?, parsed_again(&self.0));
            let settable = current.keys().filter(|key| !T::READ_ONLY.contains(&key.as_str()));
            let missing: Vec<_> = settable.filter(|key| !sent.contains_key(*key)).cloned().collect();
            read_edited::<T>(sent, &current, &missing)
        })
    }
}

impl<T: Editable> MergePatch<T> {
    /// Whether the patch has this member.
    pub(crate) fn has(&self, member: &str) -> bool {
        parsed_again(&self.0).contains_key(member)
    }

    pub(crate) fn edit(self) -> Edit<T::View, T::Details> {
        Edit::new(move |view| patched::<T>(view, parsed_again(&self.0)))
    }
}

/// Returns the edit that a merge patch stands for.
pub(crate) fn merge_patch<T: Editable>(patch: Map<String, Value>) -> Edit<T::View, T::Details> {
    Edit::new(move |view| patched::<T>(view, patch.clone()))
}

fn patched<T: Editable>(view: &T::View, patch: Object) -> Result<T::Details, Error> {
    let (current, patch) = (current::<T>(view)?, Value::Object(patch));
    let mut merged = Value::Object(current.clone());
    json_patch::merge(&mut merged, &patch);
    // An object, patched with an object, is one.
    let mut merged = merged.as_object_mut().map(std::mem::take).unwrap_or_default();
    // A read-only member that the patch erases is as wrong as one that it changes.
    for key in T::READ_ONLY.iter().filter(|key| patch.get(**key).is_some()) {
        merged.entry(*key).or_insert(Value::Null);
    }
    read_edited::<T>(merged, &current, &[])
}

/// Reads the resource's new data, without the members that are read-only and must be as they are. `missing` are members
/// that must be there.
fn read_edited<T: Editable>(
    mut edited: Object,
    current: &Object,
    missing: &[String],
) -> Result<T::Details, Error> {
    let mut faults = changed_read_only::<T>(&mut edited, current);
    let read = typed::<T>(Value::Object(edited)).and_then(|request| request.into_details().map_err(Faults));
    let (details, mut more) = match read {
        Ok(details) => (Some(details), Vec::new()),
        Err(Faults(more)) => (None, more),
    };
    for key in missing {
        let pointer = format!("/{}", escaped(key));
        // What is always required was named already.
        let is_required = more.iter().any(|fault| fault.pointer == pointer);
        more.retain(|fault| fault.pointer != pointer);
        let nothing = match current.get(key) {
            _ if is_required => String::new(),
            Some(Value::Array(_)) => "send [] if there is none, or ".to_owned(),
            _ => "send null if there is none, or ".to_owned(),
        };
        let message = format!(
            "PUT replaces everything, and {key} is missing: {nothing}PATCH to change only some members"
        );
        faults.push(Invalid::new("missing_field", message).at(pointer));
    }
    faults.extend(more);
    match details {
        Some(details) if faults.is_empty() => Ok(details),
        _ => Err(EditRefused(faults).into()),
    }
}

/// Takes the read-only members out, and returns a fault for each that is not as GET gave it.
fn changed_read_only<T: Editable>(edited: &mut Object, current: &Object) -> Vec<FieldError> {
    let version = |object: &Object| object.get("version").and_then(Value::as_i64);
    // Whoever has read an earlier version, and does not insist on it by If-Match, cannot know what followed from the changes since.
    let is_earlier = version(edited).zip(version(current)).is_some_and(|(sent, now)| sent < now);
    let is_known = |key: &str| !(is_earlier && FOLLOWING.contains(&key));
    let mut faults = Vec::new();
    for key in T::READ_ONLY {
        if edited.remove(*key).is_some_and(|value| is_known(key) && !is_same(current.get(*key), &value)) {
            let message = format!("{key} is read-only: leave it out, or send it as GET gives it");
            faults.push(Invalid::new("read_only", message).at(format!("/{key}")));
        }
    }
    faults
}

/// Whether a member is as GET gave it. A client's library may write a time in another way, and with milliseconds only.
fn is_same(current: Option<&Value>, sent: &Value) -> bool {
    let time = |value: &Value| Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.timestamp_millis());
    current.is_some_and(|current| current == sent || time(current).is_some_and(|at| time(sent) == Some(at)))
}

fn current<T: Editable>(view: &T::View) -> Result<Object, Error> {
    let json = serde_json::to_value(T::shown(view));
    let json = json.map_err(|cause| Error::Serialize { what: "the resource", cause })?;
    Ok(json.as_object().cloned().unwrap_or_default())
}
