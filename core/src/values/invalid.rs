//! The reason why a single value was refused, and the list of all values that are wrong in one request.

/// One value that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// A stable code for programs: `too_long`, `not_positive`, …
    pub code: &'static str,
    /// A text for people: what was wrong, and what would be right.
    pub message: String,
}

impl Invalid {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Says where the value stands, as a JSON Pointer.
    pub fn at(self, pointer: impl Into<String>) -> FieldError {
        FieldError {
            pointer: pointer.into(),
            code: self.code,
            message: self.message,
            available: None,
            inventory_count_id: None,
            credit: None,
            kept_until: None,
        }
    }
}

/// An [`Invalid`] and the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the request body; query parameters stand under `/query`, headers under `/header`.
    pub pointer: String,
    pub code: &'static str,
    pub message: String,
    /// What there is, if too little was there.
    pub available: Option<Box<str>>,
    /// The count that is in the way, if goods may not be moved because of it, or their warehouse not be archived.
    pub inventory_count_id: Option<Box<str>>,
    /// What the refusal was reckoned from, if a credit limit would be passed.
    pub credit: Option<Box<CreditFigures>>,
    /// The last day on which the law wants it kept, if that is in the way.
    pub kept_until: Option<Box<str>>,
}

/// What a customer's orders come to beside their credit limit: decimal strings, in the company's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditFigures {
    pub limit: String,
    /// What the other orders and the open invoices of the customer come to.
    pub exposure: String,
    /// What this order comes to.
    pub total: String,
}

/// Collects everything that is wrong with a request, so that the client gets it in one answer.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Returns the value, or keeps the reason and returns `None`.
    pub fn take<T>(&mut self, pointer: impl Into<String>, value: Result<T, Invalid>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(Invalid { code, message }) => {
                self.0.push(Invalid { code, message }.at(pointer));
                None
            }
        }
    }

    pub fn refuse(&mut self, pointer: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.0.push(Invalid::new(code, message).at(pointer));
    }

    /// The same for what is too much, with what there is.
    pub fn refuse_with(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
        available: &str,
    ) {
        let field = Invalid::new(code, message).at(pointer);
        self.0.push(FieldError { available: Some(available.into()), ..field });
    }

    /// Returns `value` if every part of it was accepted.
    ///
    /// # Errors
    /// Fails with all refused values if at least one was refused.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
