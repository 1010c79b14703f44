-- Versions that were replaced and are kept for a rollback.
CREATE TABLE mag.kept_versions (
  extension   text NOT NULL,
  version     text NOT NULL,
  digest      text NOT NULL,
  replaced_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (extension, version)
);
