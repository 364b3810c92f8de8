-- For the turns of one conversation. Many clients name none.
CREATE INDEX turns_by_session ON turns (session) WHERE session <> '';
