-- The event log (spec 05). `day` is the day in the uuid v7 of the event: it picks the partition, and makes
-- (day, event_id) a key by which a second publish of the same event is found.

CREATE TABLE mag.events (
  day            date NOT NULL,
  event_id       uuid NOT NULL,
  component      text NOT NULL,
  sequence       bigint NOT NULL,
  event_type     text NOT NULL,
  schema_version int NOT NULL,
  emitted_at     text NOT NULL,
  extension      text,
  data           json NOT NULL,
  context        json NOT NULL,
  capabilities   json NOT NULL,
  PRIMARY KEY (day, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX events_by_sequence ON mag.events (component, sequence);

-- Events of one component above a sequence, ascending. A partition that grew faster than its statistics makes
-- the planner sort all that is left for every page; only the index order is ever right here.
CREATE FUNCTION mag.read_events(of_component text, above bigint, at_most int, of_types text[])
RETURNS SETOF mag.events LANGUAGE plpgsql STABLE
SET enable_sort = off SET enable_incremental_sort = off SET enable_bitmapscan = off SET enable_seqscan = off
AS $$
BEGIN
  IF of_types IS NULL THEN
    RETURN QUERY SELECT * FROM mag.events WHERE component = of_component AND sequence > above
      ORDER BY sequence LIMIT at_most;
  ELSE
    RETURN QUERY SELECT * FROM mag.events WHERE component = of_component AND sequence > above
      AND event_type = ANY (of_types) ORDER BY sequence LIMIT at_most;
  END IF;
END $$;

-- The newest sequence of each component. Its row lock is held until the append commits, so sequence order is
-- commit order and a reader that saw a number has seen all below it.
CREATE TABLE mag.event_heads (
  component text PRIMARY KEY,
  sequence  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE FUNCTION mag.ensure_event_partition(wanted date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  partition text := 'events_' || to_char(wanted, 'YYYYMMDD');
BEGIN
  IF to_regclass(format('mag.%I', partition)) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(5577003300003);
  IF to_regclass(format('mag.%I', partition)) IS NOT NULL THEN RETURN; END IF;
  -- Attaching a finished table locks the log far less than creating it in place.
  EXECUTE format('CREATE TABLE mag.%I (LIKE mag.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
  EXECUTE format('ALTER TABLE mag.events ATTACH PARTITION mag.%I FOR VALUES FROM (%L) TO (%L)',
    partition, wanted, wanted + 1);
END $$;

-- Appends events in the order of the arrays, which have no event twice. Returns the sequence of each: a new
-- one, or the stored one of an event that is in the log already, which consumes no number.
CREATE FUNCTION mag.append_events(
  ids uuid[], days date[], components text[], types text[], versions int[], times text[],
  extensions text[], payloads json[], contexts json[], capability_lists json[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  stored  bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(ids)]);
  numbers bigint[];
BEGIN
  INSERT INTO mag.event_heads (component)
    SELECT DISTINCT given.component FROM unnest(components) AS given (component) ORDER BY 1
    ON CONFLICT DO NOTHING;
  PERFORM FROM mag.event_heads AS head WHERE head.component = ANY (components)
    ORDER BY head.component FOR UPDATE;
  FOR attempt IN 1..5 LOOP
    numbers := ARRAY(
      SELECT coalesce(given.stored, head.sequence + count(*) FILTER (WHERE given.stored IS NULL)
        OVER (PARTITION BY given.component ORDER BY given.position))
      FROM unnest(components, stored) WITH ORDINALITY AS given (component, stored, position)
      JOIN mag.event_heads AS head ON head.component = given.component
      ORDER BY given.position);
    BEGIN
      INSERT INTO mag.events (day, event_id, component, sequence, event_type, schema_version, emitted_at,
        extension, data, context, capabilities)
      SELECT given.day, given.id, given.component, given.number, given.type, given.version, given.emitted_at,
        given.extension, given.payload, given.context, given.capabilities
      FROM unnest(ids, days, components, types, versions, times, extensions, payloads, contexts,
        capability_lists, numbers, stored)
        AS given (id, day, component, type, version, emitted_at, extension, payload, context,
          capabilities, number, stored)
      WHERE given.stored IS NULL;
      UPDATE mag.event_heads AS head SET sequence = newest.sequence
      FROM (
        SELECT given.component, max(given.number) AS sequence
        FROM unnest(components, numbers, stored) AS given (component, number, stored)
        WHERE given.stored IS NULL GROUP BY given.component
      ) AS newest
      WHERE head.component = newest.component;
      RETURN numbers;
    EXCEPTION WHEN unique_violation THEN
      -- Some are in the log already. That is rare, so it is looked up only now.
      stored := ARRAY(
        SELECT (SELECT event.sequence FROM mag.events AS event
          WHERE event.day = given.day AND event.event_id = given.id)
        FROM unnest(ids, days) WITH ORDINALITY AS given (id, day, position) ORDER BY given.position);
    END;
  END LOOP;
  RAISE EXCEPTION 'the same events are appended elsewhere' USING ERRCODE = 'serialization_failure';
END $$;

CREATE TABLE mag.subscriptions (
  extension  text NOT NULL,
  type       text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (extension, type)
);

-- Everything up to `sequence` is handled. No row: nothing of that component is.
CREATE TABLE mag.subscription_cursors (
  extension text NOT NULL,
  type      text NOT NULL,
  component text NOT NULL,
  sequence  bigint NOT NULL,
  PRIMARY KEY (extension, type, component),
  FOREIGN KEY (extension, type) REFERENCES mag.subscriptions ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE TABLE mag.dead_letters (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz(3) NOT NULL DEFAULT now(),
  extension    text NOT NULL,
  type         text NOT NULL,
  event        json NOT NULL,
  attempts     int NOT NULL,
  error_code   text NOT NULL,
  error_detail text NOT NULL
);
