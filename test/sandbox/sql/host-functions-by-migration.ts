import { attack } from '../harness.ts';

export default attack({
  name: 'a function of a migration that calls those of the host',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  manifest: { migrations: 'migrations' },
  files: {
    'migrations/0001_door.up.sql':
      "create function door() returns text return mag_ext.extension();\ncreate view v as select mag_ext.put_state('t_system', 'a', '1', null);",
  },
  expect: { install: 'E_MIGRATION' },
});
