-- Sums by hour and day, kept up with every turn that ends. Who and what they are of is in `usage_dims`, each once.
-- `source` is `routed` for turns, `seen` for what clients reported of themselves and no turn is.
CREATE TABLE usage_dims (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    client TEXT NOT NULL,
    caller TEXT NOT NULL,
    key_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    machine TEXT NOT NULL,
    purpose TEXT NOT NULL,
    UNIQUE (source, client, caller, key_id, provider, model, machine, purpose)
);

-- `at` counts hours since 1970 in UTC. Money in nanodollars, 0 where none is known; `unpriced` are the answers of
-- providers that are to be paid and whose price is not known. Lines are those of turns that count.
CREATE TABLE usage_hours (
    at BIGINT NOT NULL,
    dim BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    ok BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    uncached BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    cached BIGINT NOT NULL,
    saved_input BIGINT NOT NULL,
    saved_output BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    cost_nano BIGINT NOT NULL,
    retried_nano BIGINT NOT NULL,
    baseline_nano BIGINT NOT NULL,
    route_nano BIGINT NOT NULL,
    compression_nano BIGINT NOT NULL,
    response_cache_nano BIGINT NOT NULL,
    prompt_cache_nano BIGINT NOT NULL,
    prompt_cache_ours_nano BIGINT NOT NULL,
    high_nano BIGINT NOT NULL,
    medium_nano BIGINT NOT NULL,
    low_nano BIGINT NOT NULL,
    PRIMARY KEY (at, dim)
) WITHOUT ROWID;

-- The same by day: `at` counts days since 1970.
CREATE TABLE usage_days (
    at BIGINT NOT NULL,
    dim BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    ok BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    uncached BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    cached BIGINT NOT NULL,
    saved_input BIGINT NOT NULL,
    saved_output BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    cost_nano BIGINT NOT NULL,
    retried_nano BIGINT NOT NULL,
    baseline_nano BIGINT NOT NULL,
    route_nano BIGINT NOT NULL,
    compression_nano BIGINT NOT NULL,
    response_cache_nano BIGINT NOT NULL,
    prompt_cache_nano BIGINT NOT NULL,
    prompt_cache_ours_nano BIGINT NOT NULL,
    high_nano BIGINT NOT NULL,
    medium_nano BIGINT NOT NULL,
    low_nano BIGINT NOT NULL,
    PRIMARY KEY (at, dim)
) WITHOUT ROWID;
