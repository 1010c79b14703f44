import { killAfterEachWrite } from './world/kill-after-each-write.ts';

killAfterEachWrite({
  kind: 'install',
  body: { version: '1.0.0', approve: 'all' },
  from: 'staged',
  to: 'installed',
});
