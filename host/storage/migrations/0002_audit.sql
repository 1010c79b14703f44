-- The hash-chained audit log. `record` is what was hashed, byte for byte; the other columns find it.

CREATE TABLE mag.audit (
  sequence bigint PRIMARY KEY,
  at       timestamptz(3) NOT NULL,
  action   text NOT NULL,
  target   text NOT NULL,
  record   json NOT NULL
);
CREATE INDEX audit_by_action ON mag.audit (action, sequence DESC);
CREATE INDEX audit_by_target ON mag.audit (target, sequence DESC);

-- Writers take turns on this row. An advisory lock would do too, but any role can take one of those.
CREATE TABLE mag.audit_writer (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row));
INSERT INTO mag.audit_writer DEFAULT VALUES;

CREATE FUNCTION mag.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Append-only for its owner too.
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON mag.audit
  FOR EACH ROW EXECUTE FUNCTION mag.refuse_audit_change();
CREATE TRIGGER audit_is_not_truncated BEFORE TRUNCATE ON mag.audit
  FOR EACH STATEMENT EXECUTE FUNCTION mag.refuse_audit_change();
