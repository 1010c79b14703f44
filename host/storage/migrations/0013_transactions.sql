-- What an extension does in the schema of the host on a connection of its own, in a transaction with what it
-- does in its own schema: events it publishes, its durable state, and the place of its subscriptions.

-- Events of committed transactions on their way to the event log.
CREATE TABLE mag.outbox (
  position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  extension  text NOT NULL,
  -- The envelope but for its number.
  event      json NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX outbox_by_extension ON mag.outbox (extension, position);

-- Functions that act with the rights of the host for the extension that is connected, and for no other: who that
-- is, is the role it logged in with, which no statement changes. The host calls them; the SQL of an extension is
-- kept from them by the gate.
CREATE SCHEMA mag_ext;

CREATE FUNCTION mag_ext.extension() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_id text;
BEGIN
  SELECT extension_id INTO found_id FROM mag.extension_roles WHERE role = session_user;
  IF found_id IS NULL THEN
    RAISE EXCEPTION '% is the role of no extension', session_user USING ERRCODE = '42501';
  END IF;
  RETURN found_id;
END $$;

CREATE FUNCTION mag_ext.publish(event json) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me text := mag_ext.extension();
BEGIN
  IF NOT coalesce(starts_with(event ->> 'event_type', replace(me, '/', '.') || '.'), false) THEN
    RAISE EXCEPTION 'the event is outside of the namespace of %', me USING ERRCODE = '42501';
  END IF;
  INSERT INTO mag.outbox (extension, event) VALUES (me, event);
END $$;

-- Moves the place of a subscription behind an event. False: it is there already, or the subscription is gone.
-- Who else moves it waits until this transaction ends.
CREATE FUNCTION mag_ext.take_event(of_type text, of_component text, of_sequence bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO mag.subscription_cursors AS place (extension, type, component, sequence)
    SELECT extension, type, of_component, of_sequence FROM mag.subscriptions
    WHERE extension = mag_ext.extension() AND type = of_type
    ON CONFLICT (extension, type, component)
    DO UPDATE SET sequence = excluded.sequence WHERE place.sequence < excluded.sequence;
  RETURN FOUND;
END $$;

CREATE FUNCTION mag_ext.get_state(of_tenant text, of_key text)
RETURNS TABLE (key text, value json, version bigint) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  SELECT state.key, state.value, state.version FROM mag.state
  WHERE extension = mag_ext.extension() AND tenant_id = of_tenant AND state.key = of_key
$$;

-- A page of keys; what would make it larger than `max_bytes` comes without its value.
CREATE FUNCTION mag_ext.list_state(of_tenant text, of_prefix text, above text, at_most int, max_bytes bigint)
RETURNS TABLE (key text, value json, version bigint, fits boolean) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  WITH page AS (
    SELECT state.key, state.value, state.version, state.size FROM mag.state
    WHERE extension = mag_ext.extension() AND tenant_id = of_tenant
      AND state.key > above AND state.key >= of_prefix AND starts_with(state.key, of_prefix)
    ORDER BY state.key LIMIT at_most
  ), measured AS (
    SELECT *, sum(size) OVER (ORDER BY page.key) <= max_bytes AS fits FROM page
  )
  SELECT measured.key, CASE WHEN measured.fits THEN measured.value END, measured.version, measured.fits
  FROM measured ORDER BY measured.key
$$;

-- As `mag.put_state`, with the quota that holds for every extension.
CREATE FUNCTION mag_ext.put_state(
  of_tenant text, of_key text, new_value json, expected bigint, OUT outcome text, OUT current bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF length(of_key) NOT BETWEEN 1 AND 512 OR octet_length(new_value::text) > 262144 THEN
    RAISE EXCEPTION 'the key or the value is too long' USING ERRCODE = '22001';
  END IF;
  SELECT put.outcome, put.current INTO outcome, current FROM mag.put_state(
    mag_ext.extension(), of_tenant, of_key, new_value,
    octet_length(of_key) + octet_length(new_value::text), expected, 100000, 67108864) AS put;
END $$;

CREATE FUNCTION mag_ext.delete_state(of_tenant text, of_key text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT mag.delete_state(mag_ext.extension(), of_tenant, of_key)
$$;

REVOKE ALL ON SCHEMA mag_ext FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mag_ext FROM PUBLIC;

-- Who is there already; others are granted it when their role is made.
DO $$
DECLARE
  present text;
BEGIN
  FOR present IN SELECT role FROM mag.extension_roles JOIN pg_catalog.pg_roles ON rolname = role LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA mag_ext TO %I', present);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mag_ext TO %I', present);
  END LOOP;
END $$;
