//! The bodies that change a resource: PUT with all of it, PATCH with a part of it.

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use chrono::DateTime;
use comptoir_core::application::error::Error;
use comptoir_core::application::{Edit, EditRefused};
use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::Deserr;
use serde::Serialize;
use serde_json::{Map, Value};

use super::body::{Extraction, JSON, json, read, typed};
use super::faults::{Faults, escaped};
use super::refuse_query;
use crate::error::ApiError;

/// The media type of a merge patch (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";
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
#[derive(Debug)]
pub(crate) struct Replacement<T>(Object, PhantomData<T>);

/// The body of a PATCH, a merge patch (RFC 7396): members that are missing stay as they are, null erases.
#[derive(Debug)]
pub(crate) struct MergePatch<T>(Object, PhantomData<T>);

type Object = Map<String, Value>;

impl<T: Editable> FromRequest for Replacement<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let object = object(&request, &read(&request, bytes).await?, &[JSON])?;
            Ok(Self(object, PhantomData))
        })
    }
}

impl<T: Editable> FromRequest for MergePatch<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let object = object(&request, &read(&request, bytes).await?, &[MERGE_PATCH, JSON]);
            // RFC 5789, section 2.2.
            let advised = |error: ApiError| {
                let media_types = actix_web::http::header::HeaderValue::from_static(MERGE_PATCH);
                error.with_header(ACCEPT_PATCH, media_types)
            };
            object.map(|object| Self(object, PhantomData)).map_err(advised)
        })
    }
}

fn object(request: &HttpRequest, bytes: &[u8], media_types: &[&str]) -> Result<Object, ApiError> {
    refuse_query(request)?;
    match json(request, bytes, media_types)? {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::invalid_field("", "wrong_type", "the body must be a JSON object")),
    }
}

impl<T: Editable> Replacement<T> {
    pub(crate) fn edit(self) -> Edit<T::View, T::Details> {
        Edit::new(move |view| {
            let current = current::<T>(view)?;
            let settable = current.keys().filter(|key| !T::READ_ONLY.contains(&key.as_str()));
            let missing = settable.filter(|key| !self.0.contains_key(*key)).map(|key| {
                let nothing = if current[key].is_array() { "[]" } else { "null" };
                let message = format!(
                    "PUT replaces everything, and {key} is missing: send {nothing} if there is none, or PATCH to change only some members"
                );
                fault(key, Invalid::new("missing_field", message))
            });
            read_edited::<T>(self.0.clone(), &current, missing.collect())
        })
    }
}

impl<T: Editable> MergePatch<T> {
    pub(crate) fn edit(self) -> Edit<T::View, T::Details> {
        Edit::new(move |view| {
            let current = current::<T>(view)?;
            let mut merged = Value::Object(current.clone());
            json_patch::merge(&mut merged, &Value::Object(self.0.clone()));
            // An object, patched with an object, is one.
            let mut merged = merged.as_object_mut().map(std::mem::take).unwrap_or_default();
            // A read-only member that the patch erases is as wrong as one that it changes.
            for key in T::READ_ONLY.iter().filter(|key| self.0.contains_key(**key)) {
                merged.entry(*key).or_insert(Value::Null);
            }
            read_edited::<T>(merged, &current, Vec::new())
        })
    }
}

/// Reads the resource's new data, without the members that are read-only and must be as they are.
fn read_edited<T: Editable>(
    mut edited: Object,
    current: &Object,
    mut faults: Vec<FieldError>,
) -> Result<T::Details, Error> {
    for key in T::READ_ONLY {
        if edited.remove(*key).is_some_and(|value| !is_same(current.get(*key), &value)) {
            let message = format!("{key} is read-only: leave it out, or send it as GET gave it");
            faults.push(fault(key, Invalid::new("read_only", message)));
        }
    }
    match typed::<T>(Value::Object(edited)).and_then(|request| request.into_details().map_err(Faults)) {
        Ok(details) if faults.is_empty() => return Ok(details),
        Ok(_) => {}
        Err(Faults(more)) => {
            // What is missing has been said already.
            let said = |fault: &FieldError| faults.iter().any(|other| other.pointer == fault.pointer);
            let new: Vec<_> = more.into_iter().filter(|fault| !said(fault)).collect();
            faults.extend(new);
        }
    }
    Err(EditRefused(faults).into())
}

/// Whether a member is as GET gave it. A client's library may write a time in another way.
fn is_same(current: Option<&Value>, sent: &Value) -> bool {
    let time = |value: &Value| DateTime::parse_from_rfc3339(value.as_str()?).ok();
    current.is_some_and(|current| current == sent || time(current).is_some_and(|at| time(sent) == Some(at)))
}

fn fault(key: &str, Invalid { code, message }: Invalid) -> FieldError {
    FieldError { pointer: format!("/{}", escaped(key)), code, message }
}

fn current<T: Editable>(view: &T::View) -> Result<Object, Error> {
    let json = serde_json::to_value(T::shown(view));
    let json = json.map_err(|cause| Error::Serialize { what: "the resource", cause })?;
    Ok(json.as_object().cloned().unwrap_or_default())
}
