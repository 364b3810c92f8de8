-- Sums by hour, day and month, kept up with every turn that ends. Who and what they are of is in `usage_dims`, each
-- once. `source` is `routed` for turns, `seen` for what clients reported of themselves and no turn is.
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

-- `at` counts hours since 1970 in UTC. What a column is of is in sums.py. Money in nanodollars, 0 where none is known.
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
    compressed BIGINT NOT NULL,
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
    compressed BIGINT NOT NULL,
    PRIMARY KEY (at, dim)
) WITHOUT ROWID;

-- The same by month: `at` counts months since January 1970.
CREATE TABLE usage_months (
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
    compressed BIGINT NOT NULL,
    PRIMARY KEY (at, dim)
) WITHOUT ROWID;

-- How long answers took, in slots: `kind` is `l` for the whole answer, `t` for its first token. Of turns that went well
-- and were not answered from the response cache.
CREATE TABLE usage_spreads (
    at BIGINT NOT NULL,
    dim BIGINT NOT NULL,
    kind TEXT NOT NULL,
    slot INTEGER NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (at, dim, kind, slot)
) WITHOUT ROWID;

-- The same by day (`span` is `d`) and month (`m`), all slots packed as spreads.py says.
CREATE TABLE usage_histograms (
    span TEXT NOT NULL,
    at BIGINT NOT NULL,
    dim BIGINT NOT NULL,
    latency BLOB NOT NULL,
    ttft BLOB NOT NULL,
    PRIMARY KEY (span, at, dim)
) WITHOUT ROWID;

-- The lowest value of each slot, in microseconds: each an eighth above the one before.
CREATE TABLE usage_slots (
    low INTEGER PRIMARY KEY,
    slot INTEGER NOT NULL
);

INSERT INTO usage_slots (low, slot)
WITH RECURSIVE slots (low, slot) AS (
    SELECT 0, 0
    UNION ALL
    SELECT CASE WHEN low < 9 THEN low + 1 ELSE low * 9 / 8 END, slot + 1 FROM slots WHERE low < 86400000000
)
SELECT low, slot FROM slots;

-- Which turns have ended, by what they are of and how: a page with any filter is found here. `ending` is the outcome,
-- or `cached` for what was answered well from the response cache. Turns that run are in `turns_open`.
CREATE TABLE usage_turns (
    dim BIGINT NOT NULL,
    ending TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (dim, ending, seq)
) WITHOUT ROWID;

DROP INDEX turns_by_client;

DROP INDEX turns_by_provider;

CREATE INDEX turns_by_time ON turns (at_us);

-- `rolled_up` is 0 until the turns that were there before are in the sums. Days and months have the hours before
-- `folded`. From `turns_whole_us` and `sightings_whole_us` on no raw row was pruned.
INSERT INTO meta (name, value)
VALUES ('rolled_up', 0), ('folded', 0), ('turns_whole_us', 0), ('sightings_whole_us', 0);
