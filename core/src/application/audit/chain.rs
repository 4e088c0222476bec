//! Verifies one chain of the audit trail, row by row: how a row's hash is calculated, and the rules that a row may break.

use std::collections::BTreeMap;

use diesel::Queryable;
use diesel::data_types::PgTimestamp;
use diesel::sql_types::{BigInt, Binary, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::anchors::Head;

/// The `previous_hash` of the first row of a chain.
const BEGINNING: [u8; 32] = [0; 32];
/// PostgreSQL counts microseconds from 2000-01-01, the hash from 1970-01-01.
const EPOCH_DIFFERENCE_US: i64 = 946_684_800_000_000;

/// A rule that a row, or the end of a chain, breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    #[error("its content is not what its hash was made of")]
    Content,
    #[error("its previous_hash is not the hash of the row before it")]
    Link,
    #[error("the row before it is missing")]
    Gap,
    #[error("the chain's head in audit_chains is another row: rows at the end were removed or added")]
    Head,
    #[error("it is not the row that was anchored: the trail was written anew")]
    Anchor,
    #[error("it was anchored and is missing: rows at the end were removed, or the whole chain")]
    AnchorMissing,
    #[error("its before and after are gone, and no row of api audit erase says who erased them")]
    Erasure,
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
            Self::Erasure => "erasure",
        }
    }
}

crate::statement! {
    pub(super) struct RowsOf<'a> { tenant: Uuid => SqlUuid, chain: i16 => SmallInt } -> (
        SqlUuid, SmallInt, BigInt, SqlUuid, Timestamptz, Text, Nullable<SqlUuid>, Text, Nullable<SqlUuid>, Text, Text, Text,
        Nullable<Text>, Nullable<Text>, Nullable<SqlUuid>, Nullable<Binary>, Nullable<Binary>, Text, Nullable<Text>,
        Binary, Binary,
    )
    = "SELECT tenant_id, chain, position, id, occurred_at, actor_type, actor_id, actor_name, session_id, action,
        resource_type, resource_id, before::text, after::text, salt, before_digest, after_digest, request_id,
        client_address, previous_hash, hash
    FROM audit_events WHERE tenant_id = $1 AND chain = $2 ORDER BY position"
}

/// A row as it is stored, with the text of its JSON.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Row {
    tenant_id: Uuid,
    chain: i16,
    position: i64,
    id: Uuid,
    // In PostgreSQL's own format, which holds every time that may be stored.
    occurred_at: PgTimestamp,
    actor_type: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    session_id: Option<Uuid>,
    action: String,
    resource_type: String,
    resource_id: String,
    before: Option<String>,
    after: Option<String>,
    salt: Option<Uuid>,
    before_digest: Option<Vec<u8>>,
    after_digest: Option<Vec<u8>>,
    request_id: String,
    client_address: Option<String>,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

/// The state of a row's `before` and `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Texts {
    /// They match their digests, or there are none.
    Kept,
    /// They and their salt are gone; the digests are still there.
    Erased,
    Changed,
}

impl Row {
    fn texts(&self) -> Texts {
        let digests = [&self.before_digest, &self.after_digest];
        let texts = [("before", &self.before), ("after", &self.after)];
        match self.salt {
            Some(salt) => {
                let made = texts.map(|(which, text)| text.as_deref().map(|text| digest(salt, which, text)));
                let kept = made.iter().zip(digests).all(|(made, digest)| made.as_ref() == digest.as_ref());
                if kept { Texts::Kept } else { Texts::Changed }
            }
            None if texts.iter().any(|(_, text)| text.is_some()) => Texts::Changed,
            None if digests.iter().any(|digest| digest.is_some()) => Texts::Erased,
            None => Texts::Kept,
        }
    }

    /// The hash that the row must have, as the database's function `audit_hash` calculates it (in words: docs/audit.md).
    fn expected_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(&self.previous_hash);
        let mut field = |value: Option<&str>| match value {
            None => hash.update("-"),
            Some(value) => {
                // The length in front. Otherwise `ab` + `c` and `a` + `bc` would give the same hash.
                hash.update(format!("{}:", value.len()));
                hash.update(value);
            }
        };
        let text = |id: Uuid| id.hyphenated().to_string();
        field(Some(&text(self.tenant_id)));
        field(Some(&self.chain.to_string()));
        field(Some(&self.position.to_string()));
        field(Some(&text(self.id)));
        field(Some(&self.occurred_at.0.wrapping_add(EPOCH_DIFFERENCE_US).to_string()));
        field(Some(&self.actor_type));
        field(self.actor_id.map(text).as_deref());
        field(Some(&self.actor_name));
        field(self.session_id.map(text).as_deref());
        field(Some(&self.action));
        field(Some(&self.resource_type));
        field(Some(&self.resource_id));
        field(self.before_digest.as_deref().map(hex::encode).as_deref());
        field(self.after_digest.as_deref().map(hex::encode).as_deref());
        field(Some(&self.request_id));
        field(self.client_address.as_deref());
        hash.finalize().into()
    }
}

/// The digest of a text, as the database's function `audit_digest` calculates it.
fn digest(salt: Uuid, which: &str, text: &str) -> Vec<u8> {
    Sha256::digest(format!("{} {which} {text}", salt.hyphenated())).to_vec()
}

/// A resource's type and id.
pub(super) type Resource = (String, String);

/// Follows one chain, row by row.
pub(super) struct Follower<'a> {
    pub(super) last: Head,
    last_id: Option<Uuid>,
    anchor: Option<&'a Head>,
    /// The number of rows whose texts were erased.
    pub(super) erased: u64,
    /// The resources of these rows, each with its first such row. For each, the trail must hold a row that records the erasure.
    pub(super) erased_of: BTreeMap<Resource, (i64, Uuid)>,
}

/// The place where a chain is broken (position and row, if there is one), and the rule that is broken.
pub(super) type Fault = (i64, Option<Uuid>, Rule);

impl<'a> Follower<'a> {
    pub(super) fn new(anchor: Option<&'a Head>) -> Self {
        let last = Head { position: 0, hash: BEGINNING.to_vec() };
        Self { last, last_id: None, anchor, erased: 0, erased_of: BTreeMap::new() }
    }

    pub(super) fn follow(&mut self, row: Row) -> Result<(), Fault> {
        let broken = |rule| Err((row.position, Some(row.id), rule));
        if row.position != self.last.position + 1 {
            return broken(Rule::Gap);
        }
        if row.previous_hash != self.last.hash {
            return broken(Rule::Link);
        }
        let texts = row.texts();
        if row.hash != row.expected_hash() || texts == Texts::Changed {
            return broken(Rule::Content);
        }
        if self.anchor.is_some_and(|anchor| anchor.position == row.position && anchor.hash != row.hash) {
            return broken(Rule::Anchor);
        }
        self.last = Head { position: row.position, hash: row.hash };
        self.last_id = Some(row.id);
        if texts == Texts::Erased {
            self.erased += 1;
            let first = (row.position, row.id);
            self.erased_of.entry((row.resource_type, row.resource_id)).or_insert(first);
        }
        Ok(())
    }

    /// Verifies the end of the chain, after its last row.
    pub(super) fn end(&self, head: Option<&Head>) -> Result<(), Fault> {
        // The anchor first: it is kept elsewhere, while an attacker who removed rows may have changed the head too.
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.position > self.last.position) {
            return Err((anchor.position, None, Rule::AnchorMissing));
        }
        if head != Some(&self.last) {
            let position = head.map_or(self.last.position, |head| head.position.max(self.last.position));
            return Err((position, self.last_id.filter(|_| position == self.last.position), Rule::Head));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: i64, previous_hash: &[u8]) -> Row {
        let mut row = Row {
            tenant_id: Uuid::from_u128(1),
            chain: 7,
            position,
            id: Uuid::from_u128(position.cast_unsigned().into()),
            occurred_at: PgTimestamp(1_000_000),
            actor_type: "user".to_owned(),
            actor_id: Some(Uuid::from_u128(2)),
            actor_name: "alice@example.com".to_owned(),
            session_id: None,
            action: "order.place".to_owned(),
            resource_type: "order".to_owned(),
            resource_id: "1".to_owned(),
            before: None,
            after: Some("{}".to_owned()),
            salt: Some(Uuid::from_u128(3)),
            before_digest: None,
            after_digest: Some(digest(Uuid::from_u128(3), "after", "{}")),
            request_id: "r".to_owned(),
            client_address: None,
            previous_hash: previous_hash.to_vec(),
            hash: Vec::new(),
        };
        row.hash = row.expected_hash().to_vec();
        row
    }

    fn chain(length: i64) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for position in 1..=length {
            let previous = rows.last().map_or(BEGINNING.to_vec(), |row| row.hash.clone());
            rows.push(row(position, &previous));
        }
        rows
    }

    fn verified(rows: Vec<Row>, head: Option<&Head>, anchor: Option<&Head>) -> Result<(), (i64, Rule)> {
        let mut follower = Follower::new(anchor);
        let followed = rows.into_iter().try_for_each(|row| follower.follow(row));
        followed.and_then(|()| follower.end(head)).map_err(|(position, _, rule)| (position, rule))
    }

    fn head(rows: &[Row]) -> Head {
        let last = rows.last().expect("a row");
        Head { position: last.position, hash: last.hash.clone() }
    }

    #[test]
    fn a_chain_that_nobody_touched_is_sound() {
        let rows = chain(3);
        let head = head(&rows);
        assert_eq!(verified(rows, Some(&head), Some(&head)), Ok(()));
    }

    #[test]
    fn a_row_that_is_changed_removed_or_moved_is_named() {
        let rows = chain(5);
        let head = head(&rows);
        let mut changed = rows.clone();
        changed[2].resource_id = "2".to_owned();
        assert_eq!(verified(changed, Some(&head), None), Err((3, Rule::Content)));
        let mut removed = rows.clone();
        removed.remove(2);
        assert_eq!(verified(removed, Some(&head), None), Err((4, Rule::Gap)));
        let mut rehashed = rows.clone();
        rehashed[2].action = "order.cancel".to_owned();
        rehashed[2].hash = rehashed[2].expected_hash().to_vec();
        assert_eq!(verified(rehashed, Some(&head), None), Err((4, Rule::Link)));
        assert_eq!(verified(rows[1..].to_vec(), Some(&head), None), Err((2, Rule::Gap)));
    }

    #[test]
    fn a_tail_that_is_gone_differs_from_the_head_and_from_an_anchor() {
        let rows = chain(5);
        let (whole, cut) = (head(&rows), head(&rows[..3]));
        assert_eq!(verified(rows[..3].to_vec(), Some(&whole), None), Err((5, Rule::Head)));
        assert_eq!(verified(rows[..3].to_vec(), None, None), Err((3, Rule::Head)));
        assert_eq!(verified(rows[..3].to_vec(), Some(&cut), Some(&whole)), Err((5, Rule::AnchorMissing)));
        assert_eq!(
            verified(Vec::new(), None, Some(&whole)),
            Err((5, Rule::AnchorMissing)),
            "the whole chain"
        );
    }

    #[test]
    fn a_chain_that_was_written_anew_is_sound_but_for_its_anchor() {
        let mut rows = chain(3);
        let anchor = head(&rows);
        rows[2].action = "order.cancel".to_owned();
        rows[2].hash = rows[2].expected_hash().to_vec();
        let written_anew = head(&rows);
        assert_eq!(verified(rows.clone(), Some(&written_anew), None), Ok(()));
        assert_eq!(verified(rows, Some(&written_anew), Some(&anchor)), Err((3, Rule::Anchor)));
    }

    #[test]
    fn what_stands_in_one_field_cannot_stand_in_the_next() {
        let (mut one, mut other) = (row(1, &BEGINNING), row(1, &BEGINNING));
        (one.action, one.resource_type) = ("ab".to_owned(), "c".to_owned());
        (other.action, other.resource_type) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(one.expected_hash(), other.expected_hash());
        (one.before_digest, one.after_digest) = (None, Some(vec![1]));
        other = Row { before_digest: Some(vec![1]), after_digest: None, ..one.clone() };
        assert_ne!(one.expected_hash(), other.expected_hash());
    }

    #[test]
    fn texts_that_are_erased_are_sound_and_named_and_those_that_are_changed_are_not() {
        let rows = chain(3);
        let head = head(&rows);
        let changed = |change: fn(&mut Row)| {
            let mut rows = rows.clone();
            change(&mut rows[1]);
            verified(rows, Some(&head), None)
        };
        let broken = Err((2, Rule::Content));
        assert_eq!(changed(|row| (row.after, row.salt) = (None, None)), Ok(()));
        assert_eq!(changed(|row| row.after = None), broken, "the salt is there: it was not erased");
        assert_eq!(changed(|row| row.salt = None), broken, "the text is there");
        assert_eq!(changed(|row| row.after = Some("{ }".to_owned())), broken);
        assert_eq!(changed(|row| (row.before, row.after) = (row.after.clone(), None)), broken);
        assert_eq!(changed(|row| row.before = Some("{}".to_owned())), broken);
        assert_eq!(changed(|row| row.after_digest = None), broken);

        let mut follower = Follower::new(None);
        let erased = rows.into_iter().map(|row| Row { after: None, salt: None, ..row });
        erased.take(2).try_for_each(|row| follower.follow(row)).expect("sound");
        assert_eq!(follower.erased, 2);
        assert_eq!(follower.erased_of.into_values().collect::<Vec<_>>(), [(1, Uuid::from_u128(1))]);
    }
}
