-- What is valid may stay so, and what was filled goes with its columns.
SELECT;
