-- Jobs of extensions as their owners see them. When they run is kept by graphile-worker, in the schema mag_jobs.
CREATE TABLE mag.jobs (
  position     bigint GENERATED ALWAYS AS IDENTITY,
  id           uuid PRIMARY KEY,
  extension    text NOT NULL,
  name         text NOT NULL,
  tenant_id    text NOT NULL,
  payload      json NOT NULL,
  -- The request it was queued in; null: nobody's.
  context      json,
  schedule     text,
  -- One with it waits or runs at a time.
  key          text,
  state        text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  attempts     int NOT NULL DEFAULT 0,
  max_attempts int NOT NULL,
  priority     int NOT NULL DEFAULT 0,
  run_at       timestamptz(3) NOT NULL,
  -- The host that runs it.
  host_id      uuid,
  created_at   timestamptz(3) NOT NULL DEFAULT now(),
  started_at   timestamptz(3),
  ended_at     timestamptz(3),
  error_code   text
);
CREATE UNIQUE INDEX jobs_key ON mag.jobs (extension, tenant_id, key)
  WHERE key IS NOT NULL AND state IN ('queued', 'running');
CREATE INDEX jobs_open ON mag.jobs (extension, name) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_listed ON mag.jobs (extension, position);
CREATE INDEX jobs_ended ON mag.jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE mag.job_schedules (
  extension text NOT NULL,
  tenant_id text NOT NULL,
  name      text NOT NULL,
  job       text NOT NULL,
  cron      text NOT NULL,
  timezone  text NOT NULL,
  payload   json NOT NULL,
  -- By the manifest, which takes it away again.
  declared  boolean NOT NULL,
  next_at   timestamptz(3) NOT NULL,
  PRIMARY KEY (extension, tenant_id, name, declared)
);
CREATE INDEX job_schedules_due ON mag.job_schedules (next_at);

-- Nothing of an extension that was uninstalled runs, should it ever come back.
CREATE FUNCTION mag.forget_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM mag.jobs WHERE extension = NEW.id;
  DELETE FROM mag.job_schedules WHERE extension = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_jobs AFTER UPDATE OF state ON mag.extensions
  FOR EACH ROW WHEN (NEW.state = 'uninstalled') EXECUTE FUNCTION mag.forget_jobs();
