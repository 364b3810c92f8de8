-- Leave for one machine to become a companion, once and within minutes: only the HMAC of the token is here. `bridges`
-- are the bridges that it may offer, separated by commas, '' for any; `person` is whose they are, '' for the owner.
CREATE TABLE enrolments (
    digest BLOB PRIMARY KEY,
    machine TEXT NOT NULL,
    person TEXT NOT NULL,
    bridges TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT NOT NULL DEFAULT 0
);

-- Machines that dial in: their public keys, no secrets. `id` is the key's thumbprint; times are microseconds since
-- 1970, 0 means never.
CREATE TABLE companions (
    id TEXT PRIMARY KEY,
    machine TEXT NOT NULL,
    person TEXT NOT NULL,
    bridges TEXT NOT NULL,
    public_key BLOB NOT NULL UNIQUE,
    enrolled_us BIGINT NOT NULL,
    last_seen_us BIGINT NOT NULL DEFAULT 0,
    revoked_us BIGINT NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX companions_by_machine ON companions (machine) WHERE revoked_us = 0;

-- Who offers a bridge of which name, and since when: the first one's is called by that name alone.
CREATE TABLE bridge_claims (
    bridge TEXT NOT NULL,
    companion TEXT NOT NULL,
    claimed_us BIGINT NOT NULL,
    PRIMARY KEY (bridge, companion)
);
