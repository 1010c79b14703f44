-- Stores that operators connect, and the store that every host has in this database.

CREATE TABLE mag.stores (
  name            text PRIMARY KEY,
  kind            text NOT NULL CHECK (kind IN ('redis')),
  -- Never with credentials.
  url             text NOT NULL,
  username        text,
  -- The name of a shared secret.
  password_secret text,
  prefix          text NOT NULL,
  created_by      text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mag.store_entries (
  extension text NOT NULL,
  tenant_id text NOT NULL,
  -- Keys sort by code point, as in every store.
  key       text NOT NULL COLLATE "C",
  -- JSON as it was written.
  value     text NOT NULL,
  -- Bytes of key and value, as the quota counts them.
  size      int NOT NULL,
  version   bigint NOT NULL,
  PRIMARY KEY (extension, tenant_id, key)
);

CREATE TABLE mag.store_streams (
  extension text NOT NULL,
  tenant_id text NOT NULL,
  stream    text NOT NULL COLLATE "C",
  last      bigint NOT NULL,
  length    bigint NOT NULL,
  PRIMARY KEY (extension, tenant_id, stream)
);

CREATE TABLE mag.store_stream_entries (
  extension text NOT NULL,
  tenant_id text NOT NULL,
  stream    text NOT NULL COLLATE "C",
  id        bigint NOT NULL,
  value     text NOT NULL,
  size      int NOT NULL,
  PRIMARY KEY (extension, tenant_id, stream, id)
);

-- What each extension holds here for each tenant. Its row lock makes the writers of both take turns.
CREATE TABLE mag.store_usage (
  extension text NOT NULL,
  tenant_id text NOT NULL,
  keys      bigint NOT NULL DEFAULT 0,
  bytes     bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (extension, tenant_id)
) WITH (fillfactor = 50);

-- Writes one key. With `expected`, only when it has that version (0: does not exist); with `wanted`, it has that one then.
CREATE FUNCTION mag.put_stored(
  of_extension text, of_tenant text, of_key text, new_value text, new_size int, expected bigint, wanted bigint,
  max_keys bigint, max_bytes bigint, OUT outcome text, OUT current bigint
) LANGUAGE plpgsql AS $$
DECLARE
  used     mag.store_usage;
  old_size int;
  is_new   boolean;
BEGIN
  INSERT INTO mag.store_usage (extension, tenant_id) VALUES (of_extension, of_tenant) ON CONFLICT DO NOTHING;
  SELECT * INTO used FROM mag.store_usage WHERE extension = of_extension AND tenant_id = of_tenant FOR UPDATE;
  SELECT size, version INTO old_size, current FROM mag.store_entries
    WHERE extension = of_extension AND tenant_id = of_tenant AND key = of_key;
  is_new := old_size IS NULL;
  current := coalesce(current, 0);
  IF expected IS NOT NULL AND expected <> current THEN
    outcome := 'stale';
    RETURN;
  END IF;
  used.keys := used.keys + CASE WHEN is_new THEN 1 ELSE 0 END;
  used.bytes := used.bytes + new_size - coalesce(old_size, 0);
  -- Whoever is over the quota may still make things smaller.
  IF (used.keys > max_keys AND is_new) OR (used.bytes > max_bytes AND new_size > coalesce(old_size, 0)) THEN
    outcome := 'quota';
    RETURN;
  END IF;
  current := coalesce(wanted, current + 1);
  outcome := 'written';
  INSERT INTO mag.store_entries (extension, tenant_id, key, value, size, version)
    VALUES (of_extension, of_tenant, of_key, new_value, new_size, current)
    ON CONFLICT (extension, tenant_id, key)
    DO UPDATE SET value = excluded.value, size = excluded.size, version = excluded.version;
  UPDATE mag.store_usage SET keys = used.keys, bytes = used.bytes WHERE extension = of_extension AND tenant_id = of_tenant;
END $$;

CREATE FUNCTION mag.delete_stored(of_extension text, of_tenant text, of_key text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  freed int;
BEGIN
  PERFORM FROM mag.store_usage WHERE extension = of_extension AND tenant_id = of_tenant FOR UPDATE;
  DELETE FROM mag.store_entries WHERE extension = of_extension AND tenant_id = of_tenant AND key = of_key
    RETURNING size INTO freed;
  IF freed IS NULL THEN RETURN false; END IF;
  UPDATE mag.store_usage SET keys = keys - 1, bytes = bytes - freed WHERE extension = of_extension AND tenant_id = of_tenant;
  RETURN true;
END $$;

-- Puts an entry behind all others of a stream, under `wanted` or the next number, and keeps the newest `keep`.
CREATE FUNCTION mag.append_stored(
  of_extension text, of_tenant text, of_stream text, new_value text, new_size int, wanted bigint, keep bigint,
  max_keys bigint, max_bytes bigint, OUT outcome text, OUT last bigint
) LANGUAGE plpgsql AS $$
DECLARE
  used   mag.store_usage;
  held   mag.store_streams;
  new_id bigint;
  excess bigint;
  freed  bigint := 0;
BEGIN
  INSERT INTO mag.store_usage (extension, tenant_id) VALUES (of_extension, of_tenant) ON CONFLICT DO NOTHING;
  SELECT * INTO used FROM mag.store_usage WHERE extension = of_extension AND tenant_id = of_tenant FOR UPDATE;
  SELECT * INTO held FROM mag.store_streams
    WHERE extension = of_extension AND tenant_id = of_tenant AND stream = of_stream;
  last := coalesce(held.last, 0);
  new_id := coalesce(wanted, last + 1);
  IF new_id <= last THEN
    outcome := 'behind';
    RETURN;
  END IF;
  excess := greatest(coalesce(held.length, 0) + 1 - keep, 0);
  IF excess > 0 THEN
    SELECT coalesce(sum(size), 0) INTO freed FROM (
      SELECT size FROM mag.store_stream_entries
      WHERE extension = of_extension AND tenant_id = of_tenant AND stream = of_stream ORDER BY id LIMIT excess
    ) oldest;
  END IF;
  IF (held.last IS NULL AND used.keys + 1 > max_keys)
    OR (used.bytes + new_size - freed > max_bytes AND new_size > freed) THEN
    outcome := 'quota';
    RETURN;
  END IF;
  IF excess > 0 THEN
    DELETE FROM mag.store_stream_entries
    WHERE extension = of_extension AND tenant_id = of_tenant AND stream = of_stream AND id IN (
      SELECT id FROM mag.store_stream_entries
      WHERE extension = of_extension AND tenant_id = of_tenant AND stream = of_stream ORDER BY id LIMIT excess
    );
  END IF;
  INSERT INTO mag.store_stream_entries (extension, tenant_id, stream, id, value, size)
    VALUES (of_extension, of_tenant, of_stream, new_id, new_value, new_size);
  INSERT INTO mag.store_streams AS s (extension, tenant_id, stream, last, length)
    VALUES (of_extension, of_tenant, of_stream, new_id, 1)
    ON CONFLICT (extension, tenant_id, stream)
    DO UPDATE SET last = excluded.last, length = s.length + 1 - excess;
  UPDATE mag.store_usage SET keys = keys + CASE WHEN held.last IS NULL THEN 1 ELSE 0 END,
    bytes = bytes + new_size - freed WHERE extension = of_extension AND tenant_id = of_tenant;
  last := new_id;
  outcome := 'written';
END $$;

CREATE FUNCTION mag.remove_stored_stream(of_extension text, of_tenant text, of_stream text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  freed bigint;
BEGIN
  PERFORM FROM mag.store_usage WHERE extension = of_extension AND tenant_id = of_tenant FOR UPDATE;
  DELETE FROM mag.store_streams
    WHERE extension = of_extension AND tenant_id = of_tenant AND stream = of_stream;
  IF NOT FOUND THEN RETURN false; END IF;
  WITH gone AS (
    DELETE FROM mag.store_stream_entries
    WHERE extension = of_extension AND tenant_id = of_tenant AND stream = of_stream RETURNING size
  ) SELECT coalesce(sum(size), 0) INTO freed FROM gone;
  UPDATE mag.store_usage SET keys = keys - 1, bytes = bytes - freed WHERE extension = of_extension AND tenant_id = of_tenant;
  RETURN true;
END $$;
