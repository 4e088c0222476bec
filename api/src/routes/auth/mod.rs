//! How somebody proves who they are.

pub(crate) mod keys;
