import type { Context, EventEnvelope } from '#sdk';
import { allSecrets } from './overdue.ts';

const CONTROL_PLANE = 't_system';

/**
 * A tenant was erased: its secrets are mapped no longer. Where they were kept is left alone. What is mapped no longer is
 * not asked for again, so the event may come twice. Only the control plane erases, and only there mappings are changed.
 */
export async function forget({ data }: EventEnvelope<{ tenant: string }>, ctx: Context): Promise<void> {
  if ((ctx.request?.tenantId ?? CONTROL_PLANE) !== CONTROL_PLANE)
    return ctx.log.warn('a tenant does not erase tenants: ignored');
  for (const { name, extension, tenant, mapping } of await allSecrets(ctx)) {
    if (tenant !== data.tenant || mapping === null) continue;
    await ctx.secrets.mappings.remove({ name, tenant, ...(extension === null ? {} : { extension }) });
  }
}
