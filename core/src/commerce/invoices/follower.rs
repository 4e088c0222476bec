//! Follows the chain of a series, link by link: the rules that a link, or the end of the chain, may break (docs/invoices.md, "The chain").

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::chain::{Link, LinkKind, digest};
use crate::application::audit::Head;

/// The `previous_hash` of the first link.
const BEGINNING: [u8; 32] = [0; 32];

/// A rule that the invoices of a company break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    #[error("it is not what its hash was made of")]
    Content,
    #[error("its previous_hash is not the hash of the link before it")]
    Link,
    #[error("the link before it is missing")]
    Gap,
    #[error("the chain's head in invoice_series is another link: links at the end were removed or added")]
    Head,
    #[error("it is not the link that was anchored: the chain was written anew")]
    Anchor,
    #[error("it was anchored and is missing: links at the end were removed, or the whole chain")]
    AnchorMissing,
    #[error("the numbers are not 1 to the last one that was drawn")]
    Number,
    #[error("what is stored of it besides is not what it says, or it has not exactly one link")]
    State,
    #[error("its lines or its VAT in the tables for sums are not what it says")]
    Rows,
    #[error("its document is not the one that was made, or is gone, or has not exactly one link")]
    Document,
    #[error("what is stored of it, of what it pays or of what it has left is not what its links say")]
    Payment,
    #[error("a step of its sending is not what its link says, or is gone, or has not exactly one link")]
    Transmission,
    #[error(
        "its credit notes give back more than it was, or a credit note gives back something else than it says"
    )]
    Credit,
}

impl Rule {
    /// The rule's stable code, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Link => "link",
            Self::Gap => "gap",
            Self::Head => "head",
            Self::Anchor => "anchor",
            Self::AnchorMissing => "anchor_missing",
            Self::Number => "number",
            Self::State => "state",
            Self::Rows => "rows",
            Self::Document => "document",
            Self::Payment => "payment",
            Self::Transmission => "transmission",
            Self::Credit => "credit",
        }
    }
}

/// A link as it is stored.
#[derive(Debug, Clone)]
pub(super) struct StoredLink {
    pub(super) position: i64,
    pub(super) kind: String,
    pub(super) subject_id: Uuid,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) digest: Vec<u8>,
    pub(super) previous_hash: Vec<u8>,
    pub(super) hash: Vec<u8>,
    /// What its digest is of, of the link of a validation.
    pub(super) text: Option<String>,
}

impl StoredLink {
    fn is_of_its_text(&self) -> bool {
        if self.kind != LinkKind::Validated.name() {
            return true;
        }
        self.text.as_ref().is_some_and(|text| self.digest == digest(text))
    }
}

/// Where a chain is broken: the position, what the link there is about, and the rule.
pub(super) type Fault = (i64, Option<Uuid>, Rule);

pub(super) struct Follower<'a> {
    tenant_id: Uuid,
    series: &'a str,
    anchor: Option<&'a Head>,
    pub(super) last: Head,
    last_subject: Option<Uuid>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(tenant_id: Uuid, series: &'a str, anchor: Option<&'a Head>) -> Self {
        let last = Head { position: 0, hash: BEGINNING.to_vec() };
        Self { tenant_id, series, anchor, last, last_subject: None }
    }

    pub(super) fn follow(&mut self, stored: StoredLink) -> Result<(), Fault> {
        let broken = |rule| Err((stored.position, Some(stored.subject_id), rule));
        if stored.position != self.last.position + 1 {
            return broken(Rule::Gap);
        }
        if stored.previous_hash != self.last.hash {
            return broken(Rule::Link);
        }
        let link = Link {
            tenant_id: self.tenant_id,
            series: self.series,
            position: stored.position,
            kind: &stored.kind,
            subject_id: stored.subject_id,
            occurred_at: stored.occurred_at,
            digest: &stored.digest,
        };
        if stored.hash != link.hash(&stored.previous_hash) || !stored.is_of_its_text() {
            return broken(Rule::Content);
        }
        if self.anchor.is_some_and(|anchor| anchor.position == stored.position && anchor.hash != stored.hash)
        {
            return broken(Rule::Anchor);
        }
        self.last = Head { position: stored.position, hash: stored.hash };
        self.last_subject = Some(stored.subject_id);
        Ok(())
    }

    /// Verifies the end of the chain, after its last link.
    pub(super) fn end(&self, head: Option<&Head>) -> Result<(), Fault> {
        // The anchor first: it is kept elsewhere, and whoever removed links may have changed the head too.
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.position > self.last.position) {
            return Err((anchor.position, None, Rule::AnchorMissing));
        }
        if head != Some(&self.last) {
            let position = head.map_or(self.last.position, |head| head.position.max(self.last.position));
            return Err((position, self.last_subject.filter(|_| position == self.last.position), Rule::Head));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);

    fn stored(position: i64, kind: LinkKind, text: Option<&str>, previous_hash: &[u8]) -> StoredLink {
        let mut stored = StoredLink {
            position,
            kind: kind.name().to_owned(),
            subject_id: Uuid::from_u128(position.cast_unsigned().into()),
            occurred_at: DateTime::from_timestamp(1_700_000_000, 5_000).expect("a time"),
            digest: digest(text.unwrap_or("a payment")).to_vec(),
            previous_hash: previous_hash.to_vec(),
            hash: Vec::new(),
            text: text.map(str::to_owned),
        };
        sign(&mut stored);
        stored
    }

    fn sign(stored: &mut StoredLink) {
        let link = Link {
            tenant_id: TENANT,
            series: "FA",
            position: stored.position,
            kind: &stored.kind,
            subject_id: stored.subject_id,
            occurred_at: stored.occurred_at,
            digest: &stored.digest,
        };
        stored.hash = link.hash(&stored.previous_hash).to_vec();
    }

    fn chain() -> Vec<StoredLink> {
        let first = stored(1, LinkKind::Validated, Some(r#"{"number":"FA-2026-000001"}"#), &BEGINNING);
        let second = stored(2, LinkKind::Payment, None, &first.hash);
        let third = stored(3, LinkKind::Validated, Some(r#"{"number":"FA-2026-000002"}"#), &second.hash);
        vec![first, second, third]
    }

    fn head(of: &StoredLink) -> Head {
        Head { position: of.position, hash: of.hash.clone() }
    }

    /// The position and the rule at which a chain is broken.
    fn verdict(links: Vec<StoredLink>, head: Option<&Head>, anchor: Option<&Head>) -> Option<(i64, Rule)> {
        let mut follower = Follower::new(TENANT, "FA", anchor);
        let followed = links.into_iter().try_for_each(|link| follower.follow(link));
        let verdict = followed.and_then(|()| follower.end(head));
        verdict.err().map(|(position, _, rule)| (position, rule))
    }

    #[test]
    fn a_chain_is_sound_with_and_without_an_anchor() {
        let (links, none) = (chain(), Follower::new(TENANT, "FA", None).last);
        let (first, last) = (head(&links[0]), head(&links[2]));
        assert_eq!(verdict(links.clone(), Some(&last), None), None);
        assert_eq!(verdict(links, Some(&last), Some(&first)), None);
        assert_eq!(verdict(vec![], Some(&none), None), None, "a series whose first number was not drawn");
    }

    #[test]
    fn every_change_is_found_where_it_is() {
        type Change = fn(&mut Vec<StoredLink>);
        let last = head(&chain()[2]);
        let changes: [(Change, i64, Rule); 8] = [
            (|links| links[0].text = Some("{}".to_owned()), 1, Rule::Content),
            (|links| links[0].text = None, 1, Rule::Content),
            (|links| links[1].digest = digest("another payment").to_vec(), 2, Rule::Content),
            (|links| links[1].kind = "reversal".to_owned(), 2, Rule::Content),
            (|links| drop(links.remove(1)), 3, Rule::Gap),
            (|links| drop(links.remove(0)), 2, Rule::Gap),
            (|links| drop(links.pop()), 3, Rule::Head),
            (
                |links| {
                    // Written anew with a hash that fits: the next link gives it away.
                    links[0].text = Some("{}".to_owned());
                    links[0].digest = digest("{}").to_vec();
                    sign(&mut links[0]);
                },
                2,
                Rule::Link,
            ),
        ];
        for (index, (change, position, rule)) in changes.into_iter().enumerate() {
            let mut links = chain();
            change(&mut links);
            assert_eq!(verdict(links, Some(&last), None), Some((position, rule)), "change {index}");
        }
    }

    #[test]
    fn a_chain_that_was_written_anew_does_not_fit_its_anchor() {
        let anchor = head(&chain()[1]);
        let first = stored(1, LinkKind::Validated, Some("{}"), &BEGINNING);
        let second = stored(2, LinkKind::Payment, None, &first.hash);
        let (before, last) = (head(&first), head(&second));
        let anew = vec![first.clone(), second];
        assert_eq!(verdict(anew.clone(), Some(&last), None), None, "by itself it is sound");
        assert_eq!(verdict(anew, Some(&last), Some(&anchor)), Some((2, Rule::Anchor)));
        assert_eq!(verdict(vec![first], Some(&before), Some(&anchor)), Some((2, Rule::AnchorMissing)));
        assert_eq!(verdict(vec![], None, Some(&anchor)), Some((2, Rule::AnchorMissing)));
    }
}
