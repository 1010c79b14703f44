import { killAfterEachWrite } from './world/kill-after-each-write.ts';

killAfterEachWrite({
  kind: 'disable',
  from: 'enabled 1.0.0',
  to: 'disabled',
});
