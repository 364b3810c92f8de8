-- Further names of what is kept: the ids of an answer's items, by which a request may refer to them.
CREATE TABLE names (
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (owner, kind, name),
    FOREIGN KEY (owner, kind, id) REFERENCES kept (owner, kind, id) ON DELETE CASCADE
);

CREATE INDEX names_by_id ON names (owner, kind, id);
