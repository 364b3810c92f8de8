-- A turn that was answered from the response cache: the id of the turn whose answer it got, what that one used
-- and this one did not, and what that would have cost now, in nanodollars. NULL for every other turn.
ALTER TABLE turns ADD COLUMN cached_from TEXT;

ALTER TABLE turns ADD COLUMN saved_uncached BIGINT;

ALTER TABLE turns ADD COLUMN saved_cache_read BIGINT;

ALTER TABLE turns ADD COLUMN saved_cache_write BIGINT;

ALTER TABLE turns ADD COLUMN saved_output BIGINT;

ALTER TABLE turns ADD COLUMN saved_reasoning BIGINT;

ALTER TABLE turns ADD COLUMN saved_estimated SMALLINT;

ALTER TABLE turns ADD COLUMN saved_nano BIGINT;
