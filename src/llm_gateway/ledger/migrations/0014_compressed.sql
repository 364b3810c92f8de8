-- What compression did to a turn's request, as JSON; NULL where it had nothing to do with it.
ALTER TABLE turns ADD COLUMN compressed TEXT;
