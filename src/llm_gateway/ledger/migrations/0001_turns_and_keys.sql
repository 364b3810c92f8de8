-- One row a request. Columns from `outcome` on are NULL while it runs.
-- `seq` is the order in which turns began; rows come back by it, newest first. In SQLite every index ends with it.
CREATE TABLE turns (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_us BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    client TEXT NOT NULL,
    dialect TEXT NOT NULL,
    operation TEXT NOT NULL,
    model_asked TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    stream SMALLINT NOT NULL,
    counts SMALLINT NOT NULL,
    purpose TEXT NOT NULL,
    request_bytes BIGINT NOT NULL,
    outcome TEXT,
    http_status INTEGER,
    error_kind TEXT,
    uncached BIGINT,
    cache_read BIGINT,
    cache_write BIGINT,
    output BIGINT,
    reasoning BIGINT,
    estimated SMALLINT,
    latency_us BIGINT,
    ttft_us BIGINT,
    response_bytes BIGINT,
    upstream_request_id TEXT,
    response_id TEXT,
    finish_reason TEXT,
    attempts TEXT,
    losses TEXT
);

CREATE INDEX turns_by_client ON turns (client);

CREATE INDEX turns_by_provider ON turns (provider);

CREATE INDEX turns_open ON turns (at_us) WHERE outcome IS NULL;

-- Gateway keys: only the HMAC of a key is here. Times are microseconds since 1970, 0 means never.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL DEFAULT 0,
    revoked_us BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO meta (name, value) VALUES ('journal_position', 0);
