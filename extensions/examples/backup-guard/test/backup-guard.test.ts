import { describe, expect, it, vi } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import backupGuard from '../src/index.ts';
import { isInside } from '../src/window.ts';

const { hooks } = backupGuard;
const at = (time: string) => new Date(`2026-11-21T${time}:30.000Z`);
const backup = { project: 'default', database: 'main', by: 'token:one' };

describe('the maintenance window', () => {
  it.each([
    [22, 23, '22:00', true],
    [22, 23, '22:59', true],
    [22, 23, '23:00', false],
    [22, 23, '21:59', false],
    [23, 1, '23:30', true],
    [23, 1, '00:59', true],
    [23, 1, '12:00', false],
    [0, 0, '12:00', true],
  ])('from %i to %i has %s inside: %s', (fromHour, toHour, now, inside) => {
    expect(isInside({ fromHour, toHour }, at(now))).toBe(inside);
  });
});

describe('the backup guard', () => {
  it('is against a backup inside, with its own code, and counts it', async () => {
    vi.setSystemTime(at('22:30'));
    const ctx = createRecordingContext({ config: { fromHour: 22, toHour: 23 } });
    await expect(hooks['magds.before_backup'](backup, ctx)).rejects.toMatchObject({
      code: 'MAINTENANCE_WINDOW',
      message: 'No backup of default/main from 22:00 to 23:00 UTC.',
    });
    vi.setSystemTime(at('23:30'));
    await hooks['magds.before_backup'](backup, ctx);
    vi.useRealTimers();
    const { healthy, details } = await hooks['magds.health_check_report'](
      { project: 'default', databases: ['main'] },
      ctx,
    );
    expect([healthy, details]).toEqual([
      true,
      { window: { fromHour: 22, toHour: 23 }, refused: 1, lastRestore: null },
    ]);
  });

  it('remembers the last restore', async () => {
    const ctx = createRecordingContext({ config: { fromHour: 22, toHour: 23 } });
    await hooks['magds.after_restore']({ ...backup, backup: 'b1' }, ctx);
    const { details } = await hooks['magds.health_check_report']({ project: 'default', databases: [] }, ctx);
    expect(details).toMatchObject({ lastRestore: { project: 'default', database: 'main', backup: 'b1' } });
  });
});
