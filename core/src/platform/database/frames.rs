//! The frames of PostgreSQL's protocol (version 3): a type of one byte, four bytes of length, a body.

/// Bytes of a type and a length.
const HEAD: usize = 5;

/// Finds the frames in one direction of a connection, however the network cuts the bytes.
#[derive(Debug)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that are there.
    filled: usize,
    /// Bytes of the body that are still to come.
    left: usize,
}

/// A part of a frame that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The frame's type; 0 for the first one that a client sends, which has none.
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
    pub(super) is_last: bool,
}

impl Frames {
    pub(super) fn of_server() -> Self {
        Self { head: [0; HEAD], filled: 0, left: 0 }
    }

    /// Follows a client, whose first message has no type, only a length and a body.
    pub(super) fn of_client() -> Self {
        Self { head: [0; HEAD], filled: 1, left: 0 }
    }

    pub(super) fn follow(&mut self, mut bytes: &[u8], mut part: impl FnMut(Part<'_>)) {
        while !bytes.is_empty() {
            let wanted = if self.filled < HEAD { HEAD - self.filled } else { self.left };
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            bytes = later;
            let mut body = now;
            if self.filled < HEAD {
                self.head[self.filled..self.filled + now.len()].copy_from_slice(now);
                self.filled += now.len();
                if self.filled < HEAD {
                    return;
                }
                let [_, length @ ..] = self.head;
                // The length counts itself.
                self.left = (u32::from_be_bytes(length) as usize).saturating_sub(length.len());
                body = &[];
            } else {
                self.left -= now.len();
            }
            let is_last = self.left == 0;
            if is_last {
                self.filled = 0;
            }
            part(Part { kind: self.head[0], body, is_last });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let frame = |(kind, body): &(u8, Vec<u8>)| {
            let length = u32::try_from(body.len() + 4).expect("short");
            [&[*kind][..], &length.to_be_bytes(), body].concat()
        };
        frames.iter().flat_map(frame).collect()
    }

    proptest! {
        #[test]
        fn frames_are_found_however_they_are_cut(
            frames in prop::collection::vec((1_u8.., prop::collection::vec(any::<u8>(), 0..40)), 1..20),
            cuts in prop::collection::vec(1_usize..30, 1..200),
            is_client in any::<bool>(),
        ) {
            let mut sent = bytes_of(&frames);
            let mut expected = frames;
            let mut follower = Frames::of_server();
            if is_client {
                sent.remove(0);
                expected[0].0 = 0;
                follower = Frames::of_client();
            }
            let mut found = Vec::new();
            let mut body = Vec::new();
            let mut cuts = cuts.into_iter().cycle();
            let mut rest = &sent[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().expect("cycles").min(rest.len()));
                follower.follow(now, |part| {
                    body.extend_from_slice(part.body);
                    if part.is_last {
                        found.push((part.kind, std::mem::take(&mut body)));
                    }
                });
                rest = later;
            }
            prop_assert_eq!(found, expected);
        }
    }
}
