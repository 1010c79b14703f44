-- The database roles of the extensions, and which of their migrations ran.

-- The password is made by the host, and only the host connects with it. No role but the owner reads `mag`.
CREATE TABLE mag.extension_roles (
  extension_id text PRIMARY KEY,
  role         text NOT NULL UNIQUE,
  password     text NOT NULL
);

-- `state` is 'applied', or 'up' or 'down' while the transaction is under way that runs it. Whether that one
-- committed is what pg_xact_status says about its id, also after a crash of the host.
CREATE TABLE mag.extension_migrations (
  extension_id   text NOT NULL,
  name           text NOT NULL,
  checksum       text NOT NULL,
  state          text NOT NULL CHECK (state IN ('applied', 'up', 'down')),
  transaction_id xid8,
  applied_at     timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (extension_id, name),
  CHECK ((state = 'applied') = (transaction_id IS NULL))
);
