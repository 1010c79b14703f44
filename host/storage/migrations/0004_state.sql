-- Durable key-value space of the extensions.

CREATE TABLE mag.state (
  extension text NOT NULL,
  tenant_id text NOT NULL,
  -- Keys sort by code point, the same on every server.
  key       text NOT NULL COLLATE "C",
  value     json NOT NULL,
  -- Bytes of key and value, as the quota counts them.
  size      int NOT NULL,
  version   bigint NOT NULL,
  PRIMARY KEY (extension, tenant_id, key)
);

-- What each extension holds, over all tenants. Its row lock also makes the writers of one extension take turns.
CREATE TABLE mag.state_usage (
  extension text PRIMARY KEY,
  keys      bigint NOT NULL DEFAULT 0,
  bytes     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Writes one key. With `expected`, only when the key has that version (0: does not exist).
-- `outcome` is 'written', 'stale' or 'quota'; `current` the version that stands afterwards.
CREATE FUNCTION mag.put_state(
  of_extension text, of_tenant text, of_key text, new_value json, new_size int, expected bigint,
  max_keys bigint, max_bytes bigint, OUT outcome text, OUT current bigint
) LANGUAGE plpgsql AS $$
DECLARE
  used     mag.state_usage;
  old_size int;
BEGIN
  INSERT INTO mag.state_usage (extension) VALUES (of_extension) ON CONFLICT DO NOTHING;
  SELECT * INTO used FROM mag.state_usage WHERE extension = of_extension FOR UPDATE;
  SELECT size, version INTO old_size, current FROM mag.state
    WHERE extension = of_extension AND tenant_id = of_tenant AND key = of_key;
  current := coalesce(current, 0);
  IF expected IS NOT NULL AND expected <> current THEN
    outcome := 'stale';
    RETURN;
  END IF;
  used.keys := used.keys + CASE WHEN current = 0 THEN 1 ELSE 0 END;
  used.bytes := used.bytes + new_size - coalesce(old_size, 0);
  -- Whoever is over the quota may still make things smaller.
  IF (used.keys > max_keys AND current = 0)
    OR (used.bytes > max_bytes AND new_size > coalesce(old_size, 0)) THEN
    outcome := 'quota';
    RETURN;
  END IF;
  current := current + 1;
  outcome := 'written';
  INSERT INTO mag.state (extension, tenant_id, key, value, size, version)
    VALUES (of_extension, of_tenant, of_key, new_value, new_size, current)
    ON CONFLICT (extension, tenant_id, key)
    DO UPDATE SET value = excluded.value, size = excluded.size, version = excluded.version;
  UPDATE mag.state_usage SET keys = used.keys, bytes = used.bytes WHERE extension = of_extension;
END $$;

CREATE FUNCTION mag.delete_state(of_extension text, of_tenant text, of_key text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  freed int;
BEGIN
  PERFORM FROM mag.state_usage WHERE extension = of_extension FOR UPDATE;
  DELETE FROM mag.state WHERE extension = of_extension AND tenant_id = of_tenant AND key = of_key
    RETURNING size INTO freed;
  IF freed IS NULL THEN RETURN false; END IF;
  UPDATE mag.state_usage SET keys = keys - 1, bytes = bytes - freed WHERE extension = of_extension;
  RETURN true;
END $$;
