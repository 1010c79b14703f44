import { at, attack } from '../harness.ts';

attack({
  family: 'floods',
  name: 'many callers of an endpoint that never answers',
  limits: { wallMs: 500 },
  handler: '() => new Promise(() => {})',
  call: async (world) => {
    const answers = await Promise.all(Array.from({ length: 300 }, () => world.ask('GET', at('attack'))));
    const other = answers.find(({ body }) => body.code !== 'E_LIMIT_WALL');
    return other ?? answers[0] ?? world.ask('GET', at('attack'));
  },
  expect: { code: 'E_LIMIT_WALL' },
});
