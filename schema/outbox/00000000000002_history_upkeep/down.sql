DROP FUNCTION outbox_history_make_day, outbox_history_exclude_day, outbox_history_prove_exclusion,
    outbox_history_end_exclusions, outbox_history_drop_day;
DROP TABLE relay_upkeep;
