//! What went wrong once, a file each.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod copies_in_the_brokers_queue;
mod once_without_a_broker;
mod printed_password;
mod status_without_the_broker;
mod url_in_the_process_list;
mod wrapped_dead_letters;
