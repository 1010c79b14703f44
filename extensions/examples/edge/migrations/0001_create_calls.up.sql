CREATE TABLE calls (
  version integer NOT NULL,
  route text NOT NULL,
  status integer NOT NULL,
  times bigint NOT NULL,
  milliseconds double precision NOT NULL,
  PRIMARY KEY (version, route, status)
);
