CREATE TABLE tenants (
  id text PRIMARY KEY CHECK (id ~ '^t_[a-z0-9_-]+$' AND length(id) <= 80),
  name text NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'erased')),
  settings jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT control_plane_stays CHECK (id <> 't_system' OR (status = 'active' AND name = 'System'))
);
INSERT INTO tenants (id, name) VALUES ('t_system', 'System');

-- A principal of the host (user:, service:, token:), in as many tenants as it has memberships.
CREATE TABLE users (
  id text PRIMARY KEY,
  name text NOT NULL DEFAULT '',
  email text,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
  tenant text NOT NULL REFERENCES tenants,
  principal text NOT NULL REFERENCES users,
  roles text[] NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'removed')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, principal)
);
CREATE INDEX memberships_principal ON memberships (principal);

-- Those of t_system are for every tenant.
CREATE TABLE surfaces (
  tenant text NOT NULL REFERENCES tenants,
  id text NOT NULL,
  name text NOT NULL,
  policies jsonb NOT NULL DEFAULT '{}',
  defaults jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id)
);

-- Those of t_system are for tenants that subscribe to them.
CREATE TABLE apps (
  tenant text NOT NULL REFERENCES tenants,
  id text NOT NULL,
  surface text NOT NULL,
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id)
);
CREATE INDEX apps_surface ON apps (surface);

CREATE TABLE subscriptions (
  tenant text NOT NULL REFERENCES tenants,
  app text NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'cancelled')),
  settings jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, app)
);

CREATE TABLE projects (
  tenant text NOT NULL REFERENCES tenants,
  id text NOT NULL,
  app text,
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id)
);

-- The tenant of the request sees its own rows; the control plane sees all of them.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants FOR SELECT
  USING (current_setting('mag.tenant', true) IN (id, 't_system'));
CREATE POLICY made ON tenants FOR INSERT
  WITH CHECK (current_setting('mag.tenant', true) = 't_system');
CREATE POLICY changed ON tenants FOR UPDATE
  USING (current_setting('mag.tenant', true) = 't_system' AND id <> 't_system');

ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON memberships USING (current_setting('mag.tenant', true) IN (tenant, 't_system'));

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY members ON users FOR SELECT
  USING (current_setting('mag.tenant', true) = 't_system'
    OR EXISTS (SELECT 1 FROM memberships m
               WHERE m.principal = users.id AND m.tenant = current_setting('mag.tenant', true)));
CREATE POLICY made ON users FOR INSERT
  WITH CHECK (current_setting('mag.tenant', true) = 't_system'
    OR (name = '' AND email IS NULL AND status = 'active' AND current_setting('mag.tenant', true) <> ''));
CREATE POLICY changed ON users FOR UPDATE
  USING (current_setting('mag.tenant', true) = 't_system');
CREATE POLICY removed ON users FOR DELETE
  USING (current_setting('mag.tenant', true) = 't_system');

ALTER TABLE surfaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE surfaces FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON surfaces USING (current_setting('mag.tenant', true) IN (tenant, 't_system'));
CREATE POLICY shared ON surfaces FOR SELECT
  USING (tenant = 't_system' AND current_setting('mag.tenant', true) <> '');

ALTER TABLE apps ENABLE ROW LEVEL SECURITY;
ALTER TABLE apps FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON apps USING (current_setting('mag.tenant', true) IN (tenant, 't_system'));
CREATE POLICY shared ON apps FOR SELECT
  USING (tenant = 't_system' AND current_setting('mag.tenant', true) <> '');

ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscriptions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON subscriptions USING (current_setting('mag.tenant', true) IN (tenant, 't_system'));

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON projects USING (current_setting('mag.tenant', true) IN (tenant, 't_system'));
