import { type Context, defineExtension, type Json } from '#sdk';
import { flagCommands } from './commands.ts';
import { flagEndpoints } from './endpoints.ts';
import { FlagCache } from './flag-cache.ts';
import { announce, Flags } from './flags.ts';
import { evaluateFor, ofrepEndpoints } from './ofrep.ts';

/** The extension, with what one cell remembers. */
export function createFlagsExtension(cache = new FlagCache()) {
  const flags = new Flags(cache);
  return defineExtension({
    endpoints: { ...flagEndpoints(flags), ...ofrepEndpoints(cache) },
    commands: flagCommands(flags, cache),
    jobs: { announce },
    exports: { evaluate: (params: Json, ctx: Context) => evaluateFor(cache, ctx, params) },
  });
}
