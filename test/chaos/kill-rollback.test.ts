import { killAfterEachWrite } from './world/kill-after-each-write.ts';

killAfterEachWrite({
  kind: 'rollback',
  from: 'enabled 1.1.0',
  to: 'enabled 1.0.0',
});
