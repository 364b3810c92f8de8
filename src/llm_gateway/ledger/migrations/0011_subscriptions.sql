-- What a vendor told of the quota of an account, whenever it changed. `pool` is one account, however many clients draw
-- on it: never whose it is. Times are microseconds since 1970, 0 means never.
CREATE TABLE quota_samples (
    pool TEXT NOT NULL,
    name TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    used REAL NOT NULL,
    resets_us BIGINT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (pool, name, at_us)
);
