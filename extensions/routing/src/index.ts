import { defineExtension } from '#sdk';
import { commands } from './commands.ts';
import { exportedMethods } from './data.ts';
import { endpoints } from './endpoints.ts';
import { move, noteErased, startMoves } from './move-jobs.ts';

export default defineExtension({
  endpoints,
  commands,
  exports: exportedMethods,
  events: { 'magflock.tenancy.tenant_erased': noteErased },
  jobs: {
    move: (_job, ctx) => move(ctx),
    // What could not be moved when its entry changed, and what a crash left.
    sweep: async (_job, ctx) => {
      await startMoves(ctx);
    },
  },
  health: async (ctx) => {
    await ctx.db.query('SELECT 1 FROM entries LIMIT 1');
    return { healthy: true };
  },
});
