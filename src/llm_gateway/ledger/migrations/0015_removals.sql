-- How many tokens of o200k compression took out of a conversation up to a result, by its chain; `saved` bytes.
CREATE TABLE removals (
    chain BLOB PRIMARY KEY,
    saved BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    at_us BIGINT NOT NULL
);
CREATE INDEX removals_by_time ON removals (at_us);
