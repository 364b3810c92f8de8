-- Money in nanodollars: what was held when a turn began, and what it cost; NULL where that is not known.
-- `price` names where the price stands that the cost was reckoned with.
ALTER TABLE turns ADD COLUMN held_nano BIGINT NOT NULL DEFAULT 0;

ALTER TABLE turns ADD COLUMN cost_nano BIGINT;

ALTER TABLE turns ADD COLUMN price TEXT;
