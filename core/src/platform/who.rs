//! Names for people, in logs, lists and the audit trail: who works at the command line, and which process this is.

/// Returns `user@host`, as far as the environment tells, or else `uid 1000@host`; no more than `chars` characters.
pub fn user_at_host(chars: usize) -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    name(user.as_deref(), rustix::process::getuid().as_raw(), &hostname(), chars)
}

/// Returns the host's name and the process id. It identifies nothing.
pub fn process_name() -> String {
    format!("{}-{}", hostname(), std::process::id())
}

/// Returns the name of this machine.
pub fn hostname() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if host.trim().is_empty() { "unknown".to_owned() } else { host.trim().to_owned() }
}

fn name(user: Option<&str>, uid: u32, host: &str, chars: usize) -> String {
    let user = user.filter(|user| !user.is_empty());
    let user = user.map_or_else(|| format!("uid {uid}"), str::to_owned);
    format!("{user}@{host}").chars().filter(|c| !c.is_control()).take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_name_has_a_number() {
        assert_eq!(name(Some("ada"), 1000, "docks", 200), "ada@docks");
        assert_eq!(name(None, 1000, "docks", 200), "uid 1000@docks");
        assert_eq!(name(Some(""), 0, "docks", 200), "uid 0@docks");
        assert_eq!(name(Some("a\nda"), 0, "docks", 6), "ada@do");
    }
}
