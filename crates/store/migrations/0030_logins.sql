-- How people come in without a token: sessions of browsers, and links to set a first password. Only digests of the secrets
-- are kept. expires_at is when a row is good for nothing any more; of a session it moves on with its use, up to ends_at.
CREATE TABLE sessions (
    gid {id} PRIMARY KEY,
    user_id BIGINT NOT NULL,
    digest {bytes} NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sessions_by_digest ON sessions (digest);
CREATE INDEX sessions_by_user ON sessions (user_id, gid);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A person has one at most: a new one takes the place of the old.
CREATE TABLE invitations (
    user_id BIGINT PRIMARY KEY,
    digest {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) {compact_table};
CREATE UNIQUE INDEX invitations_by_digest ON invitations (digest);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);
