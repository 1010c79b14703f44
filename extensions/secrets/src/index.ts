import { defineExtension } from '#sdk';
import { commands } from './commands.ts';
import { endpoints } from './endpoints.ts';
import { forget } from './forgetting.ts';
import { warn } from './overdue.ts';

/** Where secrets are kept, for operators of the host. Nothing here ever holds a value. */
export default defineExtension({
  endpoints,
  commands,
  events: { 'magflock.tenancy.tenant_erased': forget },
  jobs: {
    warn: async (_job, ctx) => {
      const warned = await warn(ctx);
      if (warned.length > 0) ctx.log.warn('secrets are too old', { secrets: warned.length });
    },
  },
  health: async (ctx) => {
    const away = (await ctx.secrets.mappings.backends()).filter(({ problem }) => problem !== null);
    return { healthy: true, details: { away: away.map(({ name, problem }) => `${name}: ${problem}`) } };
  },
});
