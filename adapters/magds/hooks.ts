import type { HookRegistrar } from '../../kernel/adapter.ts';
import type {
  CollectPoint,
  GuardPoint,
  ObservePoint,
  TransformPoint,
} from '../../kernel/hooks/hook-point.ts';

/** The hook points of the database component. */
export interface MagdsHooks {
  readonly beforeDbCreate: GuardPoint;
  readonly selectProfile: TransformPoint;
  readonly afterDbCreate: ObservePoint;
  readonly beforeMigration: GuardPoint;
  readonly afterMigration: ObservePoint;
  readonly createPolicy: TransformPoint;
  readonly beforeBackup: GuardPoint;
  readonly afterRestore: ObservePoint;
  readonly restorePoint: ObservePoint;
  readonly healthReport: CollectPoint;
}

export function registerMagdsHooks(kernel: HookRegistrar): MagdsHooks {
  return {
    beforeDbCreate: kernel.register('magds', 'magds.before_db_create'),
    selectProfile: kernel.register('magds', 'magds.on_extension_profile_select'),
    afterDbCreate: kernel.register('magds', 'magds.after_db_create'),
    beforeMigration: kernel.register('magds', 'magds.before_migration'),
    afterMigration: kernel.register('magds', 'magds.after_migration'),
    createPolicy: kernel.register('magds', 'magds.on_rls_policy_create'),
    beforeBackup: kernel.register('magds', 'magds.before_backup'),
    afterRestore: kernel.register('magds', 'magds.after_restore'),
    restorePoint: kernel.register('magds', 'magds.on_pitr_checkpoint'),
    healthReport: kernel.register('magds', 'magds.health_check_report'),
  };
}
