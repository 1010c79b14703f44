-- Tenants that are gone: nothing is placed for them any more. The row stays, so that nothing comes after the erasure.
CREATE TABLE erasures (
  tenant text PRIMARY KEY CHECK (tenant <> 't_system'),
  at     timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasures FORCE ROW LEVEL SECURITY;

CREATE POLICY seen ON erasures FOR SELECT USING (
  tenant = current_setting('mag.tenant', true)
  OR coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');
CREATE POLICY edited ON erasures
  USING (coalesce(nullif(current_setting('mag.tenant', true), ''), 't_system') = 't_system');

-- The last thing the job of an erased tenant does.
CREATE POLICY erased ON entries FOR DELETE USING (
  tenant = current_setting('mag.tenant', true)
  AND EXISTS (SELECT 1 FROM erasures x WHERE x.tenant = entries.tenant));
CREATE POLICY erased ON entry_versions FOR DELETE USING (
  tenant = current_setting('mag.tenant', true)
  AND EXISTS (SELECT 1 FROM erasures x WHERE x.tenant = entry_versions.tenant));
