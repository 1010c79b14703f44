DROP POLICY erased ON entry_versions;
DROP POLICY erased ON entries;
DROP TABLE erasures;
