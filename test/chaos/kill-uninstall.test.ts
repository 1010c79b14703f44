import { killAfterEachWrite } from './world/kill-after-each-write.ts';

killAfterEachWrite({
  kind: 'uninstall',
  body: { purge: true },
  from: 'disabled',
  to: 'uninstalled',
});
