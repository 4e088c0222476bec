-- What is valid was true before.
SELECT;
