-- What extensions log.

CREATE TABLE mag.logs (
  id        bigint GENERATED ALWAYS AS IDENTITY,
  at        timestamptz(3) NOT NULL,
  extension text NOT NULL,
  level     text NOT NULL,
  message   text NOT NULL,
  fields    json NOT NULL,
  trace_id  text,
  PRIMARY KEY (extension, id)
);
