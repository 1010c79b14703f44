import { defineExtension } from '#sdk';
import { forget, resolve } from './attachments.ts';
import { commands } from './commands.ts';
import { currentMode, endpoints } from './endpoints.ts';

export default defineExtension({
  endpoints,
  commands,
  hooks: { 'magauth.membership_resolver': resolve },
  events: { 'magflock.tenancy.tenant_erased': forget },
  exports: { current: (_params: unknown, ctx) => currentMode(ctx) },
  health: async (ctx) => {
    await ctx.db.query('SELECT 1 FROM modes LIMIT 1');
    return { healthy: true };
  },
});
