-- What health checks found and what an extension used since the check before.
CREATE TABLE mag.health (
  extension  text NOT NULL,
  at         timestamptz(3) NOT NULL DEFAULT now(),
  healthy    boolean NOT NULL,
  detail     json NOT NULL,
  calls      bigint NOT NULL,
  errors     bigint NOT NULL,
  cpu_ms     double precision NOT NULL,
  heap_bytes bigint NOT NULL,
  restarts   int NOT NULL
);
CREATE INDEX health_by_extension ON mag.health (extension, at DESC);
