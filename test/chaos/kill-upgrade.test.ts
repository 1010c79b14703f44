import { killAfterEachWrite } from './world/kill-after-each-write.ts';

killAfterEachWrite({
  kind: 'upgrade',
  body: { version: '1.1.0', approve: 'all' },
  from: 'enabled 1.0.0',
  to: 'enabled 1.1.0',
});
