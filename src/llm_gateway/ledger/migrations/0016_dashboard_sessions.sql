-- Browsers that are signed in to the dashboard. `digest` is the SHA-256 of a cookie's random bytes, which are nowhere
-- here; `how` somebody signed in: by `link`, `token` or `oidc`; `who` it was, where the provider of logins said so.
-- Times are microseconds since 1970, 0 means never.
CREATE TABLE dashboard_sessions (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    how TEXT NOT NULL,
    who TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    revoked_us BIGINT NOT NULL DEFAULT 0
);
