import { killAfterEachWrite } from './world/kill-after-each-write.ts';

killAfterEachWrite({
  kind: 'enable',
  from: 'installed',
  to: 'enabled 1.0.0',
});
