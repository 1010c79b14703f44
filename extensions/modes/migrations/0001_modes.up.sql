-- What a tenant may do, by the name of how it is run. Rows, made and changed like any others.
CREATE TABLE modes (
  id text PRIMARY KEY,
  name text NOT NULL,
  entitlements jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);
INSERT INTO modes (id, name, entitlements) VALUES
  ('enterprise', 'Enterprise', '{"isolation": "dedicated", "support": "premium", "experiments": false}'),
  ('saas', 'SaaS', '{"isolation": "shared", "support": "standard", "experiments": false}'),
  ('lab', 'Lab', '{"isolation": "shared", "support": "community", "experiments": true}');

-- How a tenant is run, or a surface of it; surface '' is the tenant itself. Of t_system: for every tenant without its own.
CREATE TABLE attachments (
  tenant text NOT NULL CHECK (tenant ~ '^t_[a-z0-9_-]+$'),
  surface text NOT NULL DEFAULT '',
  mode text NOT NULL REFERENCES modes,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, surface)
);
CREATE INDEX attachments_mode ON attachments (mode);

ALTER TABLE modes ENABLE ROW LEVEL SECURITY;
ALTER TABLE modes FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON modes FOR SELECT USING (current_setting('mag.tenant', true) <> '');
CREATE POLICY kept ON modes USING (current_setting('mag.tenant', true) = 't_system');

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON attachments FOR SELECT
  USING (tenant IN (current_setting('mag.tenant', true), 't_system') AND current_setting('mag.tenant', true) <> '');
CREATE POLICY kept ON attachments USING (current_setting('mag.tenant', true) = 't_system');
