-- Of which conversation a turn is, as its client names it; what kind of background call it is, '' for none; and how
-- its client was told: by its key, by its own word, by its user agent, or not.
ALTER TABLE turns ADD COLUMN session TEXT NOT NULL DEFAULT '';

ALTER TABLE turns ADD COLUMN label TEXT NOT NULL DEFAULT '';

ALTER TABLE turns ADD COLUMN told_by TEXT NOT NULL DEFAULT '';

-- For which application on which machine a key was made, '' for any.
ALTER TABLE keys ADD COLUMN client TEXT NOT NULL DEFAULT '';

ALTER TABLE keys ADD COLUMN machine TEXT NOT NULL DEFAULT '';

-- Answers that clients report, by telemetry or in their own logs, whether or not they came through here. None of it is
-- anybody's text. `mark` tells it from every other one of its source; `turn_id` is the turn that it is, '' for one
-- that passed us by; `twin` is the sighting of the other source that is the same answer, 0 for none.
CREATE TABLE sightings (
    seq INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    machine TEXT NOT NULL,
    source TEXT NOT NULL,
    mark TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    answer_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    session TEXT NOT NULL,
    model TEXT NOT NULL,
    asked TEXT NOT NULL,
    label TEXT NOT NULL,
    version TEXT NOT NULL,
    uncached BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    estimated SMALLINT NOT NULL,
    turn_id TEXT NOT NULL DEFAULT '',
    twin BIGINT NOT NULL DEFAULT 0,
    UNIQUE (client, machine, source, mark)
);

CREATE INDEX sightings_by_time ON sightings (at_us);

CREATE INDEX sightings_by_turn ON sightings (turn_id) WHERE turn_id <> '';

-- How far a client's log was read; `state` is its reader's, as JSON.
CREATE TABLE log_positions (
    machine TEXT NOT NULL,
    path TEXT NOT NULL,
    client TEXT NOT NULL,
    state TEXT NOT NULL,
    read_us BIGINT NOT NULL,
    PRIMARY KEY (machine, path)
);

-- What was found of an application on a machine when somebody last looked, as JSON.
CREATE TABLE detections (
    machine TEXT NOT NULL,
    client TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    found TEXT NOT NULL,
    PRIMARY KEY (machine, client)
);
