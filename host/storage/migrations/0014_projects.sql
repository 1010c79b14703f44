-- Projects and their databases, with backups, restores and restore points of those.
CREATE TABLE mag.projects (
  id         text PRIMARY KEY,
  name       text NOT NULL,
  tenant_id  text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE mag.project_databases (
  project_id  text NOT NULL REFERENCES mag.projects (id),
  name        text NOT NULL,
  -- What it is called on the server; null for the database of the host itself.
  server_name text UNIQUE,
  -- Neither 'creating' nor 'dropping' outlives the lock it is done under: whoever finds one cleans up.
  state       text NOT NULL CHECK (state IN ('creating', 'ready', 'dropping')),
  profile     json NOT NULL,
  created_by  text NOT NULL,
  created_at  timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, name),
  CHECK ((server_name IS NULL) = (project_id = 'default' AND name = 'main'))
);

INSERT INTO mag.projects (id, name, tenant_id, created_by) VALUES ('default', 'Default', 't_system', 'host');
INSERT INTO mag.project_databases (project_id, name, state, profile, created_by)
  VALUES ('default', 'main', 'ready', '{"extensions":[],"settings":{}}', 'host');

-- A backup outlives its database: it is what brings it back.
CREATE TABLE mag.backups (
  position       bigint GENERATED ALWAYS AS IDENTITY,
  id             uuid PRIMARY KEY,
  project_id     text NOT NULL,
  database       text NOT NULL,
  state          text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
  -- The folder it lies in belongs to one host.
  node           text NOT NULL,
  size_bytes     bigint NOT NULL DEFAULT 0,
  sha256         text,
  server_version int NOT NULL,
  tools_version  text NOT NULL,
  profile        json NOT NULL,
  -- Which migrations of which extension its schemas are at: { "acme/notes": { "0001_a": "sha256:…" } }.
  migrations     json NOT NULL,
  error          json,
  created_by     text NOT NULL,
  created_at     timestamptz(3) NOT NULL DEFAULT now(),
  ended_at       timestamptz(3)
);
CREATE INDEX backups_of_project ON mag.backups (project_id, position DESC);

CREATE TABLE mag.restores (
  position   bigint GENERATED ALWAYS AS IDENTITY,
  id         uuid PRIMARY KEY,
  backup_id  uuid NOT NULL REFERENCES mag.backups (id),
  state      text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
  -- The database it is made in, before it takes the place of the other one.
  into_name  text,
  error      json,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  ended_at   timestamptz(3)
);
CREATE INDEX restores_of_backup ON mag.restores (backup_id, position DESC);

-- A place in the write-ahead log of the whole server.
CREATE TABLE mag.restore_points (
  position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id text NOT NULL REFERENCES mag.projects (id) ON DELETE CASCADE,
  name       text NOT NULL,
  lsn        text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  UNIQUE (project_id, name)
);
