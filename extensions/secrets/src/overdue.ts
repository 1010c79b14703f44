import type { Context, SecretStatus } from '#sdk';

const PAGE = 500;

/** Every secret, page by page. */
export async function allSecrets(ctx: Context): Promise<SecretStatus[]> {
  const found: SecretStatus[] = [];
  for (let after = ''; ; ) {
    const { secrets, next } = await ctx.secrets.mappings.list({ after, limit: PAGE });
    found.push(...secrets);
    if (next === null) return found;
    after = next;
  }
}

/** Those whose value is older than it may be, the oldest first. */
export async function overdue(ctx: Context, now = Date.now()) {
  return (await allSecrets(ctx))
    .flatMap(({ name, extension, tenant, mapping }) =>
      mapping?.dueAt && Date.parse(mapping.dueAt) <= now
        ? [
            {
              ...{ name, extension, tenant, backend: mapping.backend },
              ...{ rotatedAt: mapping.rotatedAt, dueAt: mapping.dueAt },
            },
          ]
        : [],
    )
    .sort((a, b) => a.dueAt.localeCompare(b.dueAt));
}

/** Tells the bus of each of them, by its name. */
export async function warn(ctx: Context) {
  const found = await overdue(ctx);
  for (const secret of found) await ctx.events.publish('magflock.secrets.overdue', secret);
  return found;
}
