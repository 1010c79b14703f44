import { describe, expect, it } from 'vitest';
import { type Candidate, solve } from '../../../host/registries/solve.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

type Row = [id: string, version: string, needs?: Record<string, string>, more?: Partial<Candidate>];

/** Newest first, as they are written down here. */
async function choose(wanted: Record<string, string>, rows: readonly Row[], upgrade = false) {
  const all = rows.map(
    ([id, version, dependencies = {}, more = {}]): Candidate => ({
      ...{ id: id as ExtensionId, version, kind: 'extension', dependencies, isInstalled: false },
      engines: { magflock: '^1.0.0' },
      ...more,
    }),
  );
  const chosen = await solve({
    wishes: Object.entries(wanted).map(([id, range]) => ({ id: id as ExtensionId, range })),
    candidates: async (id) => all.filter((candidate) => candidate.id === id),
    hostVersion: '1.2.0',
    upgrade,
  });
  return Object.fromEntries([...chosen].map(([id, { version }]) => [id, version]));
}

describe('solve', () => {
  it('takes the newest in range, and what that needs', async () => {
    const rows: Row[] = [
      ['acme/app', '2.0.0'],
      ['acme/app', '1.1.0', { 'acme/base': '^1.0.0' }],
      ['acme/base', '2.0.0'],
      ['acme/base', '1.4.0'],
      ['acme/base', '1.0.0'],
    ];
    expect(await choose({ 'acme/app': '^1.0.0' }, rows)).toEqual({
      'acme/app': '1.1.0',
      'acme/base': '1.4.0',
    });
  });

  it('goes back to an older version where the newest fits no choice', async () => {
    const rows: Row[] = [
      ['acme/app', '1.1.0', { 'acme/base': '^2.0.0', 'acme/other': '*' }],
      ['acme/app', '1.0.0', { 'acme/base': '^1.0.0', 'acme/other': '*' }],
      ['acme/base', '2.0.0'],
      ['acme/base', '1.0.0'],
      ['acme/other', '1.0.0', { 'acme/base': '^1.0.0' }],
    ];
    expect(await choose({ 'acme/app': '*' }, rows)).toMatchObject({
      'acme/app': '1.0.0',
      'acme/base': '1.0.0',
    });
  });

  it('passes over versions for another MagFlock, and says so when there is no other', async () => {
    const later = { engines: { magflock: '^2.0.0' } };
    const rows: Row[] = [
      ['acme/app', '2.0.0', {}, later],
      ['acme/app', '1.0.0'],
      ['acme/new', '1.0.0', {}, later],
    ];
    expect(await choose({ 'acme/app': '*' }, rows)).toEqual({ 'acme/app': '1.0.0' });
    await expect(choose({ 'acme/new': '*' }, rows)).rejects.toMatchObject({
      code: 'E_INCOMPATIBLE',
      message: expect.stringContaining('1.0.0 needs MagFlock ^2.0.0; this host is 1.2.0'),
    });
  });

  it('explains what two sides ask for', async () => {
    const rows: Row[] = [
      ['acme/app', '1.0.0', { 'acme/base': '^2.0.0', 'acme/other': '*' }],
      ['acme/other', '1.3.0', { 'acme/base': '^1.0.0' }],
      ['acme/base', '2.0.0'],
      ['acme/base', '1.0.0'],
    ];
    await expect(choose({ 'acme/app': '*' }, rows)).rejects.toMatchObject({
      code: 'E_DEPENDENCY',
      message: expect.stringMatching(
        /conflict over acme\/base: acme\/app 1\.0\.0 -> acme\/base \^2\.0\.0, but acme\/other 1\.3\.0 -> acme\/base \^1\.0\.0/,
      ),
    });
  });

  it('names what is missing, and what is there instead', async () => {
    const rows: Row[] = [
      ['acme/app', '1.0.0', { 'acme/base': '^3.0.0' }],
      ['acme/base', '1.0.0'],
    ];
    await expect(choose({ 'acme/app': '*' }, rows)).rejects.toMatchObject({
      code: 'E_DEPENDENCY',
      message: 'missing: acme/app 1.0.0 -> acme/base ^3.0.0: there is 1.0.0',
    });
    await expect(choose({ 'acme/none': '*' }, rows)).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });

  it('leaves what is installed as it is, and says what to do', async () => {
    const rows: Row[] = [
      ['acme/app', '1.0.0', { 'acme/base': '^2.0.0' }],
      ['acme/base', '1.0.0', {}, { isInstalled: true }],
    ];
    await expect(choose({ 'acme/app': '*' }, rows)).rejects.toMatchObject({
      code: 'E_DEPENDENCY',
      message: expect.stringContaining('installed as 1.0.0: upgrade it first'),
    });
    await expect(choose({ 'acme/base': '^2.0.0' }, rows)).rejects.toMatchObject({ code: 'E_STATE' });
  });

  it('does not send an upgrade to a version that is nowhere back to the upgrade', async () => {
    const rows: Row[] = [['acme/base', '1.0.0', {}, { isInstalled: true }]];
    await expect(choose({ 'acme/base': '^2.0.0' }, rows, true)).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
      message: expect.stringContaining('neither staged on the host nor in a registry: there is 1.0.0'),
    });
  });

  it('needs extensions, never a bundle', async () => {
    const rows: Row[] = [
      ['acme/app', '1.0.0', { 'acme/pack': '*' }],
      ['acme/pack', '1.0.0', {}, { kind: 'bundle' }],
    ];
    await expect(choose({ 'acme/app': '*' }, rows)).rejects.toMatchObject({ code: 'E_DEPENDENCY' });
    expect(await choose({ 'acme/pack': '*' }, rows)).toEqual({ 'acme/pack': '1.0.0' });
  });

  it('ends where nothing fits in very many ways', async () => {
    const ids = Array.from({ length: 30 }, (_, at) => `acme/x${at}0`);
    const rows: Row[] = ids.flatMap((id, at) =>
      Array.from({ length: 20 }, (_, minor): Row => {
        const next = ids[at + 1];
        return [id, `1.${20 - minor}.0`, next === undefined ? { 'acme/x00': '2.0.0' } : { [next]: '*' }];
      }),
    );
    await expect(choose({ 'acme/x00': '*' }, rows)).rejects.toMatchObject({ code: 'E_DEPENDENCY' });
  });

  it('ends where one thing needs the next without end', async () => {
    const rows = Array.from(
      { length: 400 },
      (_, at): Row => [`acme/x${at}y`, '1.0.0', { [`acme/x${at + 1}y`]: '*' }],
    );
    await expect(choose({ 'acme/x0y': '*' }, rows)).rejects.toMatchObject({ code: 'E_DEPENDENCY' });
  });
});
