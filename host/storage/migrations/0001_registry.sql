-- Packages, extensions, what they were granted, and the operations on them.

CREATE TABLE mag.packages (
  position   bigint GENERATED ALWAYS AS IDENTITY,
  digest     text PRIMARY KEY,
  id         text NOT NULL,
  version    text NOT NULL,
  publisher  text NOT NULL,
  tier       text NOT NULL,
  signed_by  text NOT NULL,
  size_bytes bigint NOT NULL,
  archive    bytea NOT NULL,
  bundle     text NOT NULL,
  staged_at  timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT packages_one_digest_per_version UNIQUE (id, version)
);
-- Archives are compressed already.
ALTER TABLE mag.packages ALTER COLUMN archive SET STORAGE EXTERNAL;

CREATE TABLE mag.extensions (
  id              text PRIMARY KEY,
  state           text NOT NULL,
  version         text NOT NULL,
  digest          text NOT NULL,
  highest_version text,
  config          json NOT NULL,
  reason          json,
  updated_at      timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE mag.grants (
  extension    text NOT NULL,
  capability   text NOT NULL,
  scope        json,
  granted_by   text NOT NULL,
  granted_at   timestamptz(3) NOT NULL DEFAULT now(),
  uses         bigint NOT NULL DEFAULT 0,
  last_used_at timestamptz(3),
  PRIMARY KEY (extension, capability)
);

CREATE TABLE mag.operations (
  position   bigint GENERATED ALWAYS AS IDENTITY,
  id         text PRIMARY KEY,
  kind       text NOT NULL,
  extension  text NOT NULL,
  principal  text NOT NULL,
  input      json NOT NULL,
  state      text NOT NULL DEFAULT 'running',
  error      json,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  ended_at   timestamptz(3)
);
-- Operations on one extension are serialised across hosts.
CREATE UNIQUE INDEX operations_one_running ON mag.operations (extension) WHERE state = 'running';
CREATE INDEX operations_by_extension ON mag.operations (extension, position DESC);

CREATE TABLE mag.operation_steps (
  position   bigint GENERATED ALWAYS AS IDENTITY,
  operation  text NOT NULL REFERENCES mag.operations (id) ON DELETE CASCADE,
  name       text NOT NULL,
  state      text NOT NULL,
  started_at timestamptz(3) NOT NULL DEFAULT now(),
  ended_at   timestamptz(3),
  detail     text,
  PRIMARY KEY (operation, name)
);
