-- The hosts that share this database: what each is, what it runs, and whether it may still write.
CREATE TABLE mag.hosts (
  id         uuid PRIMARY KEY,
  node       text NOT NULL,
  address    text NOT NULL,
  version    text NOT NULL,
  pid        int NOT NULL,
  started_at timestamptz(3) NOT NULL DEFAULT now(),
  beat       bigint NOT NULL DEFAULT 0,
  seen_at    timestamptz(3) NOT NULL DEFAULT now(),
  revision   bigint NOT NULL DEFAULT 0,
  runs       json NOT NULL DEFAULT '[]',
  fenced_at  timestamptz(3)
);

-- Every connection of a host begins with this: one that was taken over gets none that works any more.
CREATE FUNCTION mag.admit_host(host uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM mag.hosts WHERE id = host AND fenced_at IS NULL) THEN
    RAISE EXCEPTION 'another host took over from this one' USING ERRCODE = 'MF001';
  END IF;
END $$;

-- What every host is to run has a number that grows in the order of commits: the row is locked until then.
CREATE TABLE mag.desired (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL
);
INSERT INTO mag.desired (revision) VALUES (1);

CREATE FUNCTION mag.count_desired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE mag.desired SET revision = revision + 1;
  PERFORM pg_notify('mag_desired', '');
  RETURN NULL;
END $$;
CREATE TRIGGER extensions_desired AFTER INSERT OR UPDATE OR DELETE ON mag.extensions
  FOR EACH STATEMENT EXECUTE FUNCTION mag.count_desired();
-- Not the counted uses.
CREATE TRIGGER grants_desired AFTER INSERT OR DELETE OR UPDATE OF scope ON mag.grants
  FOR EACH STATEMENT EXECUTE FUNCTION mag.count_desired();

-- Which host does an operation; an operation may hold several extensions.
ALTER TABLE mag.operations ADD COLUMN host uuid;
ALTER TABLE mag.operations ADD COLUMN cancel_requested boolean NOT NULL DEFAULT false;
CREATE TABLE mag.operation_locks (
  extension text PRIMARY KEY,
  operation text NOT NULL REFERENCES mag.operations (id) ON DELETE CASCADE
);
INSERT INTO mag.operation_locks (extension, operation)
  SELECT extension, id FROM mag.operations WHERE state = 'running';
DROP INDEX mag.operations_one_running;
CREATE INDEX operations_running ON mag.operations (position) WHERE state = 'running';

-- Which host delivers the events of an extension.
ALTER TABLE mag.subscriptions ADD COLUMN host uuid;
