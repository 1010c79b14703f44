-- API tokens. Only a digest of the secret is kept.

CREATE TABLE mag.tokens (
  position      bigint GENERATED ALWAYS AS IDENTITY,
  id            text PRIMARY KEY,
  secret_sha256 bytea NOT NULL,
  name          text NOT NULL,
  role          text NOT NULL,
  tenant_id     text NOT NULL,
  created_at    timestamptz(3) NOT NULL DEFAULT now(),
  expires_at    timestamptz(3),
  revoked_at    timestamptz(3),
  last_used_at  timestamptz(3)
);
