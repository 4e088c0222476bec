//! Imports as JSON.

use comptoir_core::commerce::imports::{ImportKind, ImportMode, ImportView, RefusedRow};
use comptoir_core::values::invalid::Invalid;
use comptoir_core::values::text;
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, one_of, read_from_text};
use crate::imports::Format;

read_from_text!(ImportKind => |text| one_of(text, &ImportKind::ALL, ImportKind::name));
read_from_text!(Format => |text| one_of(text, &Format::ALL, Format::name));
read_from_text!(ImportMode => |text| one_of(text, &ImportMode::ALL, ImportMode::name));

/// The maximum length of a file's name, in characters.
const MAX_NAME: usize = 200;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParameters {
    /// What the rows are.
    pub(super) kind: ImportKind,
    /// `create` (the default) refuses a row whose code or SKU is taken; `upsert` changes that resource, and leaves alone
    /// what the file says nothing of. Of stock, whatever is there already is refused.
    #[deserr(default)]
    #[param(value_type = Option<ImportMode>)]
    pub(super) mode: Option<ImportMode>,
    /// What the file is, where it is sent as `application/octet-stream`: `csv` (the default) or `ndjson`.
    #[deserr(default)]
    #[param(inline, value_type = Option<Format>)]
    pub(super) format: Option<Format>,
    /// The name of the file, to recognise it.
    #[deserr(default)]
    #[param(value_type = Option<String>, min_length = 1, max_length = 200, example = "customers-2026.csv")]
    pub(super) file_name: Option<FileName>,
}

#[derive(Debug)]
pub(super) struct FileName(pub(super) String);

read_from_text!(FileName => |name| text::checked("a file's name", name, MAX_NAME).map(FileName));

/// A row that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedRow)]
pub(crate) struct RefusedRowResponse {
    /// The row's place in the file; the first is 1, a line of column names not counted.
    row: i32,
    errors: Vec<RowError>,
    /// The row as it came.
    #[schema(value_type = Object)]
    content: Value,
}

/// What was wrong with a row.
#[derive(Debug, Serialize, ToSchema)]
struct RowError {
    /// The member, as a JSON Pointer (RFC 6901) into the row; empty for the row as a whole.
    #[schema(example = "/email")]
    pointer: String,
    #[schema(example = "not_an_email")]
    code: String,
    #[schema(example = "an e-mail address has an @, such as ada@docks.example")]
    message: String,
}

impl From<RefusedRow> for RefusedRowResponse {
    fn from(RefusedRow { number, content, errors }: RefusedRow) -> Self {
        let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let error = |error: &Value| RowError {
            pointer: text(error, "pointer"),
            code: text(error, "code"),
            message: text(error, "message"),
        };
        let errors = errors.as_ref().and_then(Value::as_array).into_iter().flatten();
        Self {
            row: number,
            errors: errors.map(error).collect(),
            content: content.and_then(|content| serde_json::from_str(&content).ok()).unwrap_or_default(),
        }
    }
}

impl Exported for ImportView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "kind",
        "mode",
        "file_name",
        "state",
        "reason",
        "progress",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
        "updated_at",
    ];
}

impl Exported for RefusedRowResponse {
    const COLUMNS: &'static [&'static str] = &["row", "errors", "content"];
}

/// A file: bytes, whatever is in it.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct File(Vec<u8>);

/// Which format a file has, by its media type or else by what its sender says.
///
/// # Errors
/// Fails with the media types that there are.
pub(super) fn format_of(media_type: &str, said: Option<Format>) -> Result<Format, Invalid> {
    match media_type {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Format::Ndjson),
        "application/octet-stream" => Ok(said.unwrap_or(Format::Csv)),
        other => Err(Invalid::new(
            "unsupported_media_type",
            format!(
                "send the file as text/csv, application/x-ndjson or application/octet-stream, not as {other:?}"
            ),
        )),
    }
}
