-- How the money of a turn was reckoned. Amounts in nanodollars, NULL where there is no such line; what a column means
-- is in records.py. `tariff` and `reference` are ids of cards; `special` and `removed` are JSON, of what is rare.
ALTER TABLE turns ADD COLUMN cache_write_1h BIGINT;

ALTER TABLE turns ADD COLUMN special TEXT;

ALTER TABLE turns ADD COLUMN saved_cache_write_1h BIGINT;

ALTER TABLE turns ADD COLUMN saved_special TEXT;

ALTER TABLE turns ADD COLUMN tier TEXT;

ALTER TABLE turns ADD COLUMN counted TEXT;

ALTER TABLE turns ADD COLUMN error_permille INTEGER;

ALTER TABLE turns ADD COLUMN removed TEXT;

ALTER TABLE turns ADD COLUMN formula SMALLINT;

ALTER TABLE turns ADD COLUMN tariff TEXT;

ALTER TABLE turns ADD COLUMN reference TEXT;

ALTER TABLE turns ADD COLUMN confidence TEXT;

ALTER TABLE turns ADD COLUMN baseline_nano BIGINT;

ALTER TABLE turns ADD COLUMN route_nano BIGINT;

ALTER TABLE turns ADD COLUMN compression_nano BIGINT;

ALTER TABLE turns ADD COLUMN prompt_cache_nano BIGINT;

ALTER TABLE turns ADD COLUMN prompt_cache_ours SMALLINT;

ALTER TABLE turns ADD COLUMN retried_nano BIGINT;

ALTER TABLE sightings ADD COLUMN cache_write_1h BIGINT NOT NULL DEFAULT 0;

-- Prices that turns were reckoned with, each once; `text` is the card as JSON, `id` is made of it.
CREATE TABLE price_cards (
    id TEXT PRIMARY KEY,
    text TEXT NOT NULL
);

-- For what a budget begins with after a start: few turns have such a cost.
CREATE INDEX turns_retried ON turns (at_us) WHERE retried_nano > 0;

-- Whether what a batch has used is on record: few turns are such a look at one.
CREATE INDEX turns_batches ON turns (response_id) WHERE tier = 'batch';
