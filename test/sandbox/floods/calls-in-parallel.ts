import type { Answer } from '../../support/host.ts';
import { attack } from '../harness.ts';

export default attack({
  name: 'many callers of an endpoint that never answers',
  limits: { wallMs: 1_500 },
  handler: '() => new Promise(() => {})',
  call: async (world) => {
    const answers = await Promise.all(Array.from({ length: 300 }, () => world.visit('attack')));
    // Five of them are enough for the host to turn it off: who comes in later than that finds it so.
    const isExpected = ({ body: { code } }: Answer) => code === 'E_LIMIT_WALL' || code === 'E_NOT_ENABLED';
    const other = answers.find((answer) => !isExpected(answer));
    return other ?? answers.find(({ body }) => body.code === 'E_LIMIT_WALL') ?? world.visit('attack');
  },
  expect: { code: 'E_LIMIT_WALL', state: 'disabled', audit: ['extension.disable'] },
});
