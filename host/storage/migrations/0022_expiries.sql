-- Each end of a token or session by its time is told once, whichever host sees it first.
ALTER TABLE mag.tokens ADD COLUMN expiry_told_at timestamptz(3);
ALTER TABLE mag.sessions ADD COLUMN expiry_told_at timestamptz(3);
UPDATE mag.tokens SET expiry_told_at = now() WHERE expires_at <= now();
UPDATE mag.sessions SET expiry_told_at = now() WHERE expires_at <= now();
CREATE INDEX ON mag.tokens (expires_at) WHERE expiry_told_at IS NULL AND revoked_at IS NULL;
CREATE INDEX ON mag.sessions (expires_at) WHERE expiry_told_at IS NULL AND revoked_at IS NULL;
