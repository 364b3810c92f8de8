-- For how many days what is said with a key is kept, 0 for not at all, and under which id it is kept: a key that
-- replaced another one goes on with what that one kept. '' is the key's own id.
ALTER TABLE keys ADD COLUMN keep_content_days INTEGER NOT NULL DEFAULT 0;

ALTER TABLE keys ADD COLUMN content_id TEXT NOT NULL DEFAULT '';
