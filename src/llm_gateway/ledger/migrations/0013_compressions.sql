-- What was decided of results in conversations, where that differs from the result before: by chain.
CREATE TABLE compressions (
    chain BLOB PRIMARY KEY,
    decision TEXT NOT NULL,
    at_us BIGINT NOT NULL
);
CREATE INDEX compressions_by_time ON compressions (at_us);
