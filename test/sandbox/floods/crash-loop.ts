import { until } from '../../support/host.ts';
import { attack } from '../harness.ts';

export default attack({
  name: 'a cell that dies again and again, until it is kept off',
  limits: { cpuMs: 100 },
  handler: 'async () => { for (;;); }',
  call: (world) =>
    until(
      () => world.visit('attack'),
      ({ body }) => body.code === 'E_QUARANTINED',
      120_000, // four restarts
    ),
  expect: { code: 'E_QUARANTINED', state: 'quarantined', audit: ['extension.quarantined'] },
});
