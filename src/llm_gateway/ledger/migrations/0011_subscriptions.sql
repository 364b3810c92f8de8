-- What a vendor told of the quota of an account, whenever it changed. `pool` is one account, however many clients draw
-- on it: never whose it is. It was told from `at_us` until `last_us`, unchanged. Times are microseconds since 1970, 0
-- means never.
CREATE TABLE quota_samples (
    pool TEXT NOT NULL,
    name TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    used REAL NOT NULL,
    resets_us BIGINT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (pool, name, at_us)
);

-- By whom and through what a pool was drawn on: `provider` is a bridge or a login's row, `caller` the gateway key whose
-- login it was. `route` is `bridge` or `login`.
CREATE TABLE quota_draws (
    pool TEXT NOT NULL,
    provider TEXT NOT NULL,
    route TEXT NOT NULL,
    caller TEXT NOT NULL,
    person TEXT NOT NULL,
    machine TEXT NOT NULL,
    plan TEXT NOT NULL,
    status TEXT NOT NULL,
    first_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL,
    PRIMARY KEY (pool, provider, caller)
);
