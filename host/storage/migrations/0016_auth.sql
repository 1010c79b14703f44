-- Principals, what they may, and how they log in (spec 04, MagAuth). Secrets are kept as digests only.

CREATE TABLE mag.principals (
  position    bigint GENERATED ALWAYS AS IDENTITY,
  id          text PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('user', 'service')),
  name        text NOT NULL,
  email       text,
  tenant_id   text NOT NULL,
  created_at  timestamptz(3) NOT NULL DEFAULT now(),
  disabled_at timestamptz(3)
);

-- Whom a login provider means by a subject. A provider is `<publisher>/<name>#<provider>`.
CREATE TABLE mag.principal_identities (
  provider     text NOT NULL,
  subject      text NOT NULL,
  principal_id text NOT NULL REFERENCES mag.principals ON DELETE CASCADE,
  PRIMARY KEY (provider, subject)
);
CREATE INDEX ON mag.principal_identities (principal_id);

-- A role is held for as long as one source gives it: `operator`, `provider:<provider>`, `extension:<id>`.
CREATE TABLE mag.role_assignments (
  principal_id text NOT NULL REFERENCES mag.principals ON DELETE CASCADE,
  tenant_id    text NOT NULL,
  role         text NOT NULL,
  source       text NOT NULL,
  assigned_by  text NOT NULL,
  assigned_at  timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (principal_id, tenant_id, role, source)
);
CREATE INDEX ON mag.role_assignments (tenant_id, role);
CREATE INDEX ON mag.role_assignments (source);

-- Roles of operators. A permission is `<publisher>/<name>:<permission>`.
CREATE TABLE mag.roles (
  name        text PRIMARY KEY,
  description text NOT NULL,
  permissions text[] NOT NULL
);

ALTER TABLE mag.tokens
  ADD COLUMN principal_id text REFERENCES mag.principals ON DELETE CASCADE,
  ADD COLUMN read_only    boolean NOT NULL DEFAULT false,
  ADD COLUMN paths        text[];

CREATE TABLE mag.sessions (
  position      bigint GENERATED ALWAYS AS IDENTITY,
  id            text PRIMARY KEY,
  secret_sha256 bytea NOT NULL,
  principal_id  text NOT NULL REFERENCES mag.principals ON DELETE CASCADE,
  tenant_id     text NOT NULL,
  provider      text NOT NULL,
  created_at    timestamptz(3) NOT NULL DEFAULT now(),
  last_seen_at  timestamptz(3) NOT NULL DEFAULT now(),
  idle_ms       bigint NOT NULL,
  expires_at    timestamptz(3) NOT NULL,
  revoked_at    timestamptz(3)
);
CREATE INDEX ON mag.sessions (principal_id);

-- Logins that were begun, by the digest of their state. A consumed one stays until it expires, to tell a replay.
CREATE TABLE mag.logins (
  id             text PRIMARY KEY,
  provider       text NOT NULL,
  browser_sha256 bytea NOT NULL,
  data           json NOT NULL,
  expires_at     timestamptz(3) NOT NULL,
  consumed_at    timestamptz(3),
  -- What a SAML provider answered, until the browser that began the login asks for it.
  answer         json
);

-- SAML assertions that were taken, until they are too old to be taken anyway.
CREATE TABLE mag.used_assertions (
  provider     text NOT NULL,
  assertion_id text NOT NULL,
  expires_at   timestamptz(3) NOT NULL,
  PRIMARY KEY (provider, assertion_id)
);

-- Tries in a window of time, by what is throttled: an address, or whom somebody says to be.
CREATE TABLE mag.login_attempts (
  key     text PRIMARY KEY,
  count   int NOT NULL,
  ends_at timestamptz(3) NOT NULL
);
