//! By which way a customer gets its invoices.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// With the document, to the customer's address.
    Email,
    /// The customer, or somebody for it, fetches the document.
    Download,
    /// An approved platform hands it over (France: CGI 289 bis).
    Platform,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Email, Self::Download, Self::Platform];

    /// Returns the name that is stored and published.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Download => "download",
            Self::Platform => "platform",
        }
    }

    /// Reads a stored name; `None` if only a later version knows it.
    pub(crate) fn stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_by_its_name() {
        for channel in Channel::ALL {
            assert_eq!(Channel::stored(channel.name()), Some(channel));
        }
        assert_eq!(Channel::stored("pigeon"), None);
    }
}
