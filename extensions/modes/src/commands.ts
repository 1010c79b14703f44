import type { CommandResult, Context, Invocation, Json } from '#sdk';
import { attach, detach, type Target } from './attachments.ts';
import { SURFACE, SYSTEM, TENANT } from './endpoints.ts';
import { listModes } from './modes.ts';
import { Refusal, said } from './problems.ts';

type Command = (invocation: Invocation, ctx: Context) => Promise<CommandResult>;

const MAX_LISTED = 1_000;

export const commands: Readonly<Record<string, Command>> = {
  list: said(async (_invocation, ctx) => {
    const modes = await listModes(ctx, '', MAX_LISTED);
    return { text: modes.map(({ id, name }) => `${id}\t${name}`).join('\n'), data: modes };
  }),
  set: said(async (invocation, ctx) =>
    shown(await attach(ctx, targetOf(invocation, ctx), String(invocation.args.mode), null)),
  ),
  unset: said(async (invocation, ctx) => shown(await detach(ctx, targetOf(invocation, ctx), null))),
};

function targetOf({ args, options }: Invocation, { request }: Context): Target {
  if (request?.tenantId !== SYSTEM) throw new Refusal('WRONG_TENANT', 'Modes are kept in t_system.');
  const [tenant, surface] = [String(args.tenant), String(options.surface ?? '')];
  if (!TENANT.test(tenant) || (surface !== '' && !SURFACE.test(surface)))
    throw new Refusal('INVALID', 'That is no id of a tenant, or of a surface.');
  return { tenant, surface };
}

function shown(row: Record<string, Json>): CommandResult {
  return { text: JSON.stringify(row, null, 2), data: row };
}
