-- Where secrets are kept, by their names. No value of any secret is in this database.

-- A store of secrets that an owner connected the host with. `secret` is the name of what it is entered with: a secret
-- of the data folder or of the environment, never the value.
CREATE TABLE mag.secret_backends (
  name       text PRIMARY KEY,
  url        text NOT NULL,
  mount      text NOT NULL,
  kv_version int NOT NULL CHECK (kv_version IN (1, 2)),
  secret     text NOT NULL,
  -- With one, `secret` is the secret id of this AppRole; without, a token.
  role_id    text,
  added_at   timestamptz(3) NOT NULL DEFAULT now()
);

-- Empty texts stand for what is shared by extensions, and for every tenant.
CREATE TABLE mag.secret_mappings (
  name              text NOT NULL,
  extension         text NOT NULL,
  tenant_id         text NOT NULL,
  backend           text NOT NULL,
  ref               text NOT NULL,
  rotate_after_days int,
  version           int NOT NULL,
  rotated_at        timestamptz(3) NOT NULL,
  changed_at        timestamptz(3) NOT NULL,
  changed_by        text NOT NULL,
  PRIMARY KEY (name, extension, tenant_id)
);

-- Every change, for good: versions of a mapping that was removed are not used again.
CREATE TABLE mag.secret_mapping_changes (
  name              text NOT NULL,
  extension         text NOT NULL,
  tenant_id         text NOT NULL,
  version           int NOT NULL,
  action            text NOT NULL CHECK (action IN ('map', 'unmap', 'rotate')),
  backend           text NOT NULL,
  ref               text NOT NULL,
  rotate_after_days int,
  changed_at        timestamptz(3) NOT NULL,
  changed_by        text NOT NULL,
  PRIMARY KEY (name, extension, tenant_id, version)
);

-- When an extension was last given a secret, to the minute.
CREATE TABLE mag.secret_reads (
  extension text NOT NULL,
  name      text NOT NULL,
  read_at   timestamptz(3) NOT NULL,
  PRIMARY KEY (extension, name)
);
