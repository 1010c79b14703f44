-- With one key, one job may wait while another runs: what was asked for since that one began is not lost.
DROP INDEX mag.jobs_key;
CREATE INDEX jobs_key ON mag.jobs (extension, tenant_id, key)
  WHERE key IS NOT NULL AND state IN ('queued', 'running');
