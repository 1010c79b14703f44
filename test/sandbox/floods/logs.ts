import { until } from '../../support/host.ts';
import { attack } from '../harness.ts';

export default attack({
  name: 'a hundred thousand log lines',
  limits: { wallMs: 40_000 },
  // In pieces: one that takes longer than the processor budget ends the cell, however little of it was computing.
  handler: `async (request, ctx) => {
    for (let i = 0; i < 100_000; i++) {
      ctx.log.info('line ' + i, { i });
      if (i % 5_000 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    return { body: 'said' };
  }`,
  call: async (world) => {
    const answer = await world.visit('attack');
    const lines = async () => {
      const { rows } = await world.host.database.pool.query(
        `SELECT count(*)::int AS kept, bool_or(fields->'dropped' IS NOT NULL) AS dropped FROM mag.logs WHERE extension = $1`,
        [world.attacker],
      );
      return rows[0];
    };
    const { kept } = await until(lines, ({ dropped }) => dropped === true);
    return { ...answer, body: [answer.body, kept < 5_000] };
  },
  expect: { body: ['said', true] },
});
