import { defineExtension } from '#sdk';
import { commands } from './commands.ts';
import { endpoints } from './endpoints.ts';
import { resolve } from './resolver.ts';

export default defineExtension({
  endpoints,
  commands,
  hooks: { 'magauth.membership_resolver': resolve },
  health: async (ctx) => {
    await ctx.db.query('SELECT 1 FROM tenants LIMIT 1');
    return { healthy: true };
  },
});
