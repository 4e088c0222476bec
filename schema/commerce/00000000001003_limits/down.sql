DROP TABLE login_throttles;
DROP TABLE rate_limit_counts;
