-- What a key may use at most, as it was said on the command line: JSON, '' for no limits. The keys of one name have
-- the same.
ALTER TABLE keys ADD COLUMN limits TEXT NOT NULL DEFAULT '';
