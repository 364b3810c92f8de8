-- One data key for each gateway key whose content is kept, wrapped by the master key. Without its row, what it
-- sealed is noise: that is how content is erased.
CREATE TABLE data_keys (
    owner TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL,
    created_us BIGINT NOT NULL
);

-- What is kept, sealed. Times are microseconds since 1970.
CREATE TABLE kept (
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, kind, id)
);

CREATE INDEX kept_by_expiry ON kept (expires_us);
