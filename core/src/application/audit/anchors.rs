//! Heads of chains, kept outside of the database.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::values::ids::TenantId;

/// One of a tenant's chains.
pub type ChainId = (TenantId, i16);

/// The last row of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub position: i64,
    pub hash: Vec<u8>,
}

/// Earlier heads of chains, kept where nobody who can change the database can change them. The rows of that time must
/// still be there; rows may have been added.
///
/// As text, a line for each chain: tenant, chain, position, hash in hexadecimal. Text after a `#` is ignored. The chains of a tenant have
/// numbers in the audit trail, and codes among invoices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors<C = i16>(pub(crate) BTreeMap<(TenantId, C), Head>);

impl<C> Anchors<C> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<C: fmt::Display> fmt::Display for Anchors<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((tenant, chain), Head { position, hash }) in &self.0 {
            writeln!(f, "{tenant} {chain} {position} {}", hex::encode(hash))?;
        }
        Ok(())
    }
}

impl<C: FromStr + Ord> FromStr for Anchors<C> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let line = |line: &str| {
            let [tenant, chain, position, hash] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                return None;
            };
            let head = Head { position: position.parse().ok()?, hash: sha256(hash)? };
            Some(((tenant.parse().ok()?, chain.parse().ok()?), head))
        };
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let anchors = lines.enumerate().filter(|(_, text)| !text.is_empty()).map(|(at, text)| {
            line(text).ok_or_else(|| format!("line {}: expected tenant, chain, position, hash", at + 1))
        });
        anchors.collect::<Result<_, _>>().map(Self)
    }
}

fn sha256(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|hash| hash.len() == 32)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn anchors_are_read_as_they_are_written() {
        let head = Head { position: 12, hash: vec![0xab; 32] };
        let anchors: Anchors = Anchors([((TenantId::from_uuid(Uuid::from_u128(5)), 63), head)].into());
        let text = format!("# kept on paper\n{anchors}\n");
        assert_eq!(text.parse(), Ok(anchors));
        let refused = "# one\nnonsense".parse::<Anchors>().expect_err("refused");
        assert!(refused.starts_with("line 2:"), "{refused}");
    }

    #[test]
    fn an_anchor_has_four_words_of_which_the_last_is_a_whole_hash() {
        let (tenant, hash) = (Uuid::from_u128(5), "ab".repeat(32));
        let read = |text: String| text.parse::<Anchors>();
        assert!(read(format!("{tenant} 63 12 {hash} # on paper")).is_ok_and(|anchors| !anchors.is_empty()));
        assert!(read(" # nothing".to_owned()).is_ok_and(|anchors| anchors.is_empty()));
        for refused in [
            format!("{tenant} 63 12 {}", "ab".repeat(31)),
            format!("{tenant} 63 12 {}", "ab".repeat(33)),
            format!("{tenant} 63 12 {}", "xy".repeat(32)),
            format!("{tenant} 63 twelve {hash}"),
            format!("{tenant} 63 12"),
            format!("{tenant} 63 12 {hash} more"),
        ] {
            assert!(read(refused.clone()).is_err(), "{refused}");
        }
    }
}
