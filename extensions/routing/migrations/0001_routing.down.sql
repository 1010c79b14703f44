DROP TABLE leftovers;
DROP TABLE moves;
DROP TABLE placements;
DROP TABLE entry_versions;
DROP TABLE entries;
