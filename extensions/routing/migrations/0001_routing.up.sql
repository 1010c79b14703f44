-- Where each kind of data is kept: for a tenant, or for all (t_system), and there for a surface, app or project.
CREATE TABLE entries (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant     text NOT NULL,
  kind       text NOT NULL,
  -- Empty: for all of them.
  surface    text NOT NULL DEFAULT '',
  app        text NOT NULL DEFAULT '',
  project    text NOT NULL DEFAULT '',
  -- NULL: the entry was removed.
  store      text,
  config     json NOT NULL DEFAULT '{}',
  version    int NOT NULL DEFAULT 1,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant, kind, surface, app, project)
);

CREATE TABLE entry_versions (
  entry      uuid NOT NULL REFERENCES entries,
  version    int NOT NULL,
  tenant     text NOT NULL,
  store      text,
  config     json NOT NULL,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (entry, version)
);

-- Where the data of a tenant and a caller really is. Who writes it holds the row FOR SHARE, who moves it FOR UPDATE.
CREATE TABLE placements (
  id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant    text NOT NULL,
  caller    text NOT NULL,
  kind      text NOT NULL,
  surface   text NOT NULL DEFAULT '',
  app       text NOT NULL DEFAULT '',
  project   text NOT NULL DEFAULT '',
  store     text NOT NULL,
  -- All keys and streams begin with it. Each copy has its own.
  prefix    uuid NOT NULL DEFAULT gen_random_uuid(),
  placed_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant, caller, kind, surface, app, project)
);

CREATE TABLE moves (
  placement  uuid PRIMARY KEY REFERENCES placements,
  tenant     text NOT NULL,
  to_store   text NOT NULL,
  prefix     uuid NOT NULL,
  state      text NOT NULL CHECK (state IN ('copying', 'switching', 'failed')),
  copied     bigint NOT NULL DEFAULT 0,
  attempts   int NOT NULL DEFAULT 1,
  error      text,
  started_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Copies to remove: what was moved away from, and what was never switched to.
CREATE TABLE leftovers (
  prefix uuid PRIMARY KEY,
  tenant text NOT NULL,
  store  text NOT NULL
);

INSERT INTO entries (tenant, kind, store, changed_by)
  SELECT 't_system', kind, 'postgres', 'install' FROM unnest(ARRAY[
    'feature_flags', 'memory', 'kpi', 'budgets', 'maybes', 'strategy_lock', 'raw_storage', 'vector_index',
    'realtime_registry', 'chat_bus'
  ]) AS kind;
INSERT INTO entry_versions (entry, version, tenant, store, config, changed_by, changed_at)
  SELECT id, version, tenant, store, config, changed_by, changed_at FROM entries;

ALTER TABLE entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
ALTER TABLE entry_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE entry_versions FORCE ROW LEVEL SECURITY;
ALTER TABLE placements ENABLE ROW LEVEL SECURITY;
ALTER TABLE placements FORCE ROW LEVEL SECURITY;
ALTER TABLE moves ENABLE ROW LEVEL SECURITY;
ALTER TABLE moves FORCE ROW LEVEL SECURITY;
ALTER TABLE leftovers ENABLE ROW LEVEL SECURITY;
ALTER TABLE leftovers FORCE ROW LEVEL SECURITY;

-- What runs without a request belongs to the control plane. It edits entries; tenants see theirs and the defaults.
CREATE POLICY seen ON entries FOR SELECT USING (
  tenant = 't_system' OR tenant = current_setting('mag.tenant', true)
  OR coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
CREATE POLICY edited ON entries
  USING (coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
CREATE POLICY seen ON entry_versions FOR SELECT USING (
  tenant = 't_system' OR tenant = current_setting('mag.tenant', true)
  OR coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
CREATE POLICY edited ON entry_versions
  USING (coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');

-- Data is a tenant's own; the control plane sees where it is.
CREATE POLICY own ON placements
  USING (tenant = coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system'));
CREATE POLICY watched ON placements FOR SELECT
  USING (coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
CREATE POLICY own ON moves
  USING (tenant = coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system'));
CREATE POLICY watched ON moves FOR SELECT
  USING (coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
CREATE POLICY own ON leftovers
  USING (tenant = coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system'));
CREATE POLICY watched ON leftovers FOR SELECT
  USING (coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
