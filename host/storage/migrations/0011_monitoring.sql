-- What an extension costs the host and the network between two checks, on which host; and the alerts about it.
ALTER TABLE mag.health
  ADD COLUMN host             text NOT NULL DEFAULT '',
  ADD COLUMN cpu_share        double precision NOT NULL DEFAULT 0,
  ADD COLUMN event_loop_share double precision NOT NULL DEFAULT 0,
  ADD COLUMN refused          json NOT NULL DEFAULT '{}',
  ADD COLUMN used             json NOT NULL DEFAULT '{}';
CREATE INDEX health_by_time ON mag.health (at);

CREATE TABLE mag.alerts (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  extension text NOT NULL,
  at        timestamptz(3) NOT NULL,
  version   text NOT NULL,
  code      text NOT NULL,
  detail    text NOT NULL
);
CREATE INDEX alerts_by_extension ON mag.alerts (extension, id DESC);
