-- Whose key it is, by a name of the owner's choice; '' for the owner's own. Subscriptions answer their owner alone.
ALTER TABLE keys ADD COLUMN person TEXT NOT NULL DEFAULT '';
