//! The chain of a series: how the hash of a link is calculated (docs/invoices.md, "The chain"), and what a content's digest is.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a link is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    Validated,
    Document,
    Payment,
    Reversal,
    /// Which invoices a credit note pays.
    Credit,
    /// A step of an invoice on its way to the customer.
    Transmission,
}

impl LinkKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Document => "document",
            Self::Payment => "payment",
            Self::Reversal => "reversal",
            Self::Credit => "credit",
            Self::Transmission => "transmission",
        }
    }
}

/// A link of a chain, without its hash.
#[derive(Debug, Clone)]
pub struct Link<'a> {
    pub tenant_id: Uuid,
    pub series: &'a str,
    /// Counts from 1.
    pub position: i64,
    pub kind: &'a str,
    pub subject_id: Uuid,
    pub occurred_at: DateTime<Utc>,
    pub digest: &'a [u8],
}

/// What only the row of an invoice's line says of it: the document does not.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    pub product_id: Option<Uuid>,
    /// The order's line that it invoices.
    pub source: Option<(Uuid, i16)>,
    pub nature: &'a str,
    /// Whether it is of a deposit, or takes one off.
    pub deposit: bool,
    /// Which price it has: a name of [`crate::commerce::prices::PriceSource`], and the list if it is of one.
    pub price_source: Option<&'a str>,
    pub price_list_id: Option<Uuid>,
    /// Why it has its VAT.
    pub why: &'a str,
}

/// What the digest of a validation's link is of: the frozen text, whose invoice it is, and what only the rows of its lines say, each in a line of its own.
pub fn validated_text(text: &str, customer_id: Uuid, lines: &[Beside<'_>]) -> String {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let mut whole = format!("{text}\n{customer_id}");
    for Beside { product_id, source, nature, deposit, price_source, price_list_id, why } in lines {
        let product = or_none(product_id.map(|id| id.to_string()));
        let order = or_none(source.map(|(order, _)| order.to_string()));
        let position = or_none(source.map(|(_, position)| position.to_string()));
        let list = or_none(price_list_id.map(|id| id.to_string()));
        let price = price_source.unwrap_or("-");
        whole.push_str(&format!("\n{product} {order} {position} {nature} {deposit} {price} {list} {why}"));
    }
    whole
}

/// The digest of a frozen text.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

impl Link<'_> {
    /// The hash that the link must have, as the database's function `invoice_hash` calculates it.
    pub fn hash(&self, previous_hash: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(previous_hash);
        let mut field = |value: &str| {
            // The length in front. Otherwise `ab` + `c` and `a` + `bc` would give the same hash.
            hash.update(format!("{}:", value.len()));
            hash.update(value);
        };
        field(&self.tenant_id.hyphenated().to_string());
        field(self.series);
        field(&self.position.to_string());
        field(self.kind);
        field(&self.subject_id.hyphenated().to_string());
        field(&self.occurred_at.timestamp_micros().to_string());
        field(&hex::encode(self.digest));
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(digest: &[u8]) -> Link<'_> {
        Link {
            tenant_id: Uuid::from_u128(1),
            series: "FA",
            position: 1,
            kind: LinkKind::Validated.name(),
            subject_id: Uuid::from_u128(2),
            occurred_at: DateTime::from_timestamp(1_700_000_000, 5_000).expect("a time"),
            digest,
        }
    }

    #[test]
    fn a_hash_is_of_everything_that_a_link_says() {
        let text = digest("{}");
        let whole = link(&text).hash(&[0; 32]);
        let others = [
            Link { series: "AV", ..link(&text) }.hash(&[0; 32]),
            Link { position: 2, ..link(&text) }.hash(&[0; 32]),
            Link { kind: "payment", ..link(&text) }.hash(&[0; 32]),
            Link { subject_id: Uuid::from_u128(3), ..link(&text) }.hash(&[0; 32]),
            Link { tenant_id: Uuid::from_u128(3), ..link(&text) }.hash(&[0; 32]),
            link(&digest("{ }")).hash(&[0; 32]),
            link(&text).hash(&[1; 32]),
        ];
        assert!(others.iter().all(|other| *other != whole));
        assert_eq!(whole, link(&text).hash(&[0; 32]));
    }

    #[test]
    fn what_only_the_rows_say_stands_behind_the_text() {
        let (id, order) = (Uuid::from_u128(1), Some((Uuid::from_u128(2), 3)));
        let lines = [
            Beside {
                product_id: Some(id),
                source: order,
                nature: "goods",
                deposit: false,
                price_source: Some("list"),
                price_list_id: Some(Uuid::from_u128(4)),
                why: "at home",
            },
            Beside {
                product_id: None,
                source: None,
                nature: "service",
                deposit: true,
                price_source: None,
                price_list_id: None,
                why: "abroad",
            },
        ];
        let expected = "{}\n00000000-0000-0000-0000-000000000001\n\
            00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-000000000002 3 goods false list \
            00000000-0000-0000-0000-000000000004 at home\n- - - service true - - abroad";
        assert_eq!(validated_text("{}", id, &lines), expected);
    }

    #[test]
    fn it_is_the_one_that_is_documented() {
        let text = digest("{}");
        let words = format!(
            "36:00000000-0000-0000-0000-0000000000012:FA1:19:validated36:00000000-0000-0000-0000-00000000000216:170000000000000564:{}",
            hex::encode(text)
        );
        let expected: [u8; 32] = Sha256::digest([&[0; 32][..], words.as_bytes()].concat()).into();
        assert_eq!(link(&text).hash(&[0; 32]), expected);
    }
}
