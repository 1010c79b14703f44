import { until } from '../../support/host.ts';
import { at, attack } from '../harness.ts';

attack({
  family: 'floods',
  name: 'a cell that dies again and again, until it is kept off',
  limits: { cpuMs: 100 },
  handler: 'async () => { for (;;); }',
  call: (world) =>
    until(
      () => world.ask('GET', at('attack')),
      ({ body }) => body.code === 'E_QUARANTINED',
    ),
  expect: { code: 'E_QUARANTINED', state: 'quarantined', audit: ['extension.quarantined'] },
});
