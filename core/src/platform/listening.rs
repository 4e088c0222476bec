//! Addresses that a program listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// An address that cannot be listened on, as one line for people.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({setting}): {problem}")]
pub struct ListenError {
    address: SocketAddr,
    setting: &'static str,
    problem: String,
}

/// Listens on the address, which `setting` gives.
///
/// # Errors
/// Fails if the address is in use, not of this machine, or not permitted.
pub fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).map_err(|error| {
        let problem = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there: end it, or set another port (0 takes a free one)".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address: set one that it has, or 0.0.0.0 for all".to_owned()
            }
            io::ErrorKind::PermissionDenied => {
                "not permitted: a port below 1024 needs a privilege, so set another".to_owned()
            }
            _ => error.to_string(),
        };
        ListenError { address, setting, problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_its_setting() {
        let first = listen(([127, 0, 0, 1], 0).into(), "api.listen").expect("a free port");
        let address = first.local_addr().expect("bound");
        let text = listen(address, "api.listen").expect_err("in use").to_string();
        assert!(
            text.starts_with(&format!("cannot listen on {address} (api.listen): another program")),
            "{text}"
        );
    }
}
