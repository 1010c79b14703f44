import {
  type BackupAsked,
  type Context,
  defineExtension,
  ExtensionError,
  type Health,
  type Restored,
} from '#sdk';
import { type DailyWindow, isInside } from './window.ts';

const REFUSED = 'refused';
const LAST_RESTORE = 'last-restore';

export default defineExtension({
  hooks: {
    'magds.before_backup': refuseInWindow,
    'magds.after_restore': (restored, ctx) => noteRestore(restored, ctx),
    'magds.health_check_report': (_project, ctx) => report(ctx),
  },
});

/** Throwing with a code of one's own is the veto; the operator is shown the code and the message. */
async function refuseInWindow({ project, database }: BackupAsked, ctx: Context): Promise<void> {
  const window = windowOf(ctx);
  if (!isInside(window, new Date())) return;
  await ctx.state.set(REFUSED, ((await ctx.state.get<number>(REFUSED)) ?? 0) + 1);
  throw new ExtensionError(
    'MAINTENANCE_WINDOW',
    `No backup of ${project}/${database} from ${window.fromHour}:00 to ${window.toHour}:00 UTC.`,
  );
}

async function noteRestore({ project, database, backup, by }: Restored, ctx: Context): Promise<void> {
  await ctx.state.set(LAST_RESTORE, { project, database, backup, by, at: new Date().toISOString() });
  ctx.log.info('a database was restored', { project, database });
}

async function report(ctx: Context): Promise<Health> {
  const [refused, lastRestore] = await Promise.all([
    ctx.state.get<number>(REFUSED),
    ctx.state.get(LAST_RESTORE),
  ]);
  return { healthy: true, details: { window: { ...windowOf(ctx) }, refused: refused ?? 0, lastRestore } };
}

/** The host has checked the configuration against the manifest, and put the defaults in. */
function windowOf({ config }: Context): DailyWindow {
  return { fromHour: Number(config.fromHour), toHour: Number(config.toHour) };
}
