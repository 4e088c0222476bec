//! The parameters that many routes share.

use utoipa::IntoParams;
use uuid::Uuid;

/// `{id}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct IdParam {
    id: Uuid,
}

/// The header that makes repeating a POST safe.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct IdempotencyHeader {
    /// Makes it safe to repeat the request: under the same key the command runs once, and its answer is given again, with
    /// `Idempotent-Replayed: true`. Keys are kept for three days (`api.idempotency_retention_hours`).
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        pattern = "^[!-~]{1,255}$",
        example = "b2c7a6de-order-17"
    )]
    idempotency_key: Option<String>,
}

/// The header that guards against overwriting somebody else's change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct IfMatchHeader {
    /// The ETag that you read, in quotation marks, or `*`: the request is refused with 412 if the resource has changed since.
    #[param(rename = "If-Match", nullable = false, example = "\"3\"", pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: Option<String>,
}

/// As [`IfMatchHeader`], on routes that answer 428 without it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct RequiredIfMatchHeader {
    /// The ETag that you read, in quotation marks, or `*`: the request is refused with 412 if the resource has changed since.
    #[param(rename = "If-Match", nullable = false, example = "\"3\"", pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: String,
}
