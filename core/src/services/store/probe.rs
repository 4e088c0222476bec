//! Trials of what a program that runs services needs of its database role. They are rolled back.

use crate::platform::check::Step;

/// Every privilege that `outbox_grant_service_host` grants, one in each line.
const USES: &[(&str, &str)] = &[
    (
        "say that a process runs services",
        "INSERT INTO service_processes (id, program, name, version) VALUES (gen_random_uuid(), 'check', 'check', '0')",
    ),
    ("see which processes live", "UPDATE service_processes SET last_seen_at = now() WHERE program = 'check'"),
    (
        "say what services do",
        "INSERT INTO service_states (process, service, status) SELECT id, 'check', '{}' FROM service_processes WHERE program = 'check'",
    ),
    ("say it again", "UPDATE service_states SET status = '{}' WHERE service = 'check'"),
    ("take back what services do", "DELETE FROM service_states WHERE service = 'check'"),
    ("say that a process has gone", "DELETE FROM service_processes WHERE program = 'check'"),
    ("know a service that runs in one of all processes", "INSERT INTO service_leases (service) SELECT 'check' WHERE false"),
    ("lease it", "UPDATE service_leases SET epoch = epoch WHERE false"),
    ("see who has the lease", "SELECT FROM service_leases LIMIT 0"),
    (
        "ask a service for something",
        "INSERT INTO service_commands (id, service, action, correlation_id, asked_by, deadline, repeatable)
        VALUES ('00000000-0000-0000-0000-00000000c0de', 'check', 'check', gen_random_uuid(), 'check', now() + interval '1 minute', false)",
    ),
    ("find what is asked", "SELECT FROM service_commands WHERE service = 'check' FOR UPDATE"),
    ("answer it", "UPDATE service_commands SET answer = '{}' WHERE service = 'check'"),
    ("forget it", "DELETE FROM service_commands WHERE service = 'check'"),
    ("tell events of services", "INSERT INTO service_events (process, number, event) VALUES (gen_random_uuid(), 1, '{}')"),
    ("hear events of services", "SELECT FROM service_events LIMIT 0"),
    ("forget events of services", "DELETE FROM service_events WHERE false"),
];

/// Returns the steps of a program that runs services.
pub fn host_trial() -> Vec<Step> {
    USES.iter().map(|(name, statement)| Step::new(name, *statement)).collect()
}
