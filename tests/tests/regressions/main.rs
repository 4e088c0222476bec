#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
//! What went wrong once, a file each: the situation is in its first lines.
//! What went wrong once, a file each: named after it, with the situation in its first lines.
//! What went wrong once, a file each: the situation stands in its first lines.
//! What went wrong once, one file each. The first lines say in which situation it was seen.
//! One file for each thing that went wrong once, named after it. See docs/testing.md.

mod a_change_that_waited_acted_on_what_was_true_before;
mod a_company_with_a_locked_row_stopped_all_others;
mod a_disabled_account_told_whether_its_password_was_right;
mod a_key_promoted_its_maker;
mod a_letter_lowered_differently_opened_the_throttle;
mod a_letter_of_a_path_hid_its_route;
mod a_listening_session_that_goes_silent;
mod a_locked_account_locked_its_colleagues_out;
mod a_notifying_session_that_goes_silent;
mod a_refresh_did_not_look_at_its_user;
mod a_replica_that_loses_the_broker_alone;
mod a_reset_left_the_change_of_the_password_locked;
mod a_row_that_is_locked_stopped_what_has_nothing_to_do_with_it;
mod a_session_of_a_standby_stayed_in_the_pool;
mod a_test_that_failed_hid_the_others;
mod a_token_outlived_the_password_it_was_for;
mod an_address_in_one_company_kept_another_from_it;
mod an_address_with_a_slash_was_counted_as_anothers_account;
mod an_archived_product_was_ordered;
mod an_older_replica_erased_what_it_did_not_know;
mod an_order_of_more_than_a_thousand_lines;
mod an_unverified_account_told_whether_another_company_knows_its_address;
mod answers_may_be_framed_and_kept;
mod any_key_cost_a_look_at_the_database;
mod attempts_to_reach_a_broker_that_is_away;
mod audit_verify_saw_nothing_and_said_sound;
mod clients_that_read_nothing_filled_the_memory;
mod copies_in_the_brokers_queue;
mod effects_stood_before_their_cause;
mod idle_clients_shut_the_probes_out;
mod keys_file_that_others_may_read;
mod many_failing_aggregates;
mod objects_deleted_at_an_idle_broker;
mod once_without_a_broker;
mod one_reader_stops_all_writers;
mod order_behind_a_large_payload;
mod people;
mod prepared_statements_outlived_a_columns_type;
mod printed_password;
mod pruning_reads_what_is_not_due;
mod refusals_that_nobody_recorded;
mod requests_met_closed_connections_at_a_stop;
mod sessions_that_say_nothing_kept_their_place;
mod settles_that_touch_fewer_rows;
mod status_without_the_broker;
mod the_databases_default_isolation_decided;
mod the_servers_language_decided_what_an_error_is;
mod url_in_the_process_list;
mod who_was_no_administrator_removed_the_last_one;
mod withdrawal_that_a_stranger_held_up;
mod wrapped_dead_letters;
