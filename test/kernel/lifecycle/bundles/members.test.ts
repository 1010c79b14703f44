import { describe, expect, it } from 'vitest';
import { shareApproval } from '../../../../kernel/lifecycle/bundles/approval.ts';
import { compositionOf, withComposition } from '../../../../kernel/lifecycle/bundles/composition.ts';
import { type Candidates, chooseVersions } from '../../../../kernel/lifecycle/bundles/members.ts';

const member = (range: string, installed: string | null, ...staged: string[]): Candidates => ({
  id: 'acme/a',
  range,
  installed,
  staged,
});

describe('chooseVersions', () => {
  const chosen = (candidates: Candidates, wanted: 'installed' | 'newest') =>
    chooseVersions('acme/pack', [candidates], wanted).get('acme/a');

  it.each<[string, Candidates, string, string]>([
    [
      'what is not installed',
      member('^1.0.0', null, '1.0.0', '1.2.0', '1.10.0', '2.0.0'),
      '1.10.0',
      '1.10.0',
    ],
    ['what is installed in range', member('^1.0.0', '1.0.0', '1.0.0', '1.2.0'), '1.0.0', '1.2.0'],
    ['what is newer than the packages here', member('*', '3.0.0', '1.0.0'), '3.0.0', '3.0.0'],
    [
      'pre-releases that are named',
      member('^2.0.0-rc.1', null, '2.0.0-rc.2', '1.0.0'),
      '2.0.0-rc.2',
      '2.0.0-rc.2',
    ],
  ])('chooses of %s', (_what, candidates, installed, newest) => {
    expect([chosen(candidates, 'installed'), chosen(candidates, 'newest')]).toEqual([installed, newest]);
  });

  it('goes to a newer range only when the newest is wanted, and never back', () => {
    const next = member('^2.0.0', '1.0.0', '1.0.0', '2.1.0');
    expect(chosen(next, 'newest')).toBe('2.1.0');
    expect(() => chosen(next, 'installed')).toThrow(
      'acme/pack -> acme/a is installed as 1.0.0, needed is ^2.0.0',
    );
    const back = member('^1.0.0', '2.0.0', '1.0.0', '2.0.0');
    expect(() => chosen(back, 'newest')).toThrow('is installed as 2.0.0, needed is ^1.0.0');
  });

  it('names everything that is missing, with its range', () => {
    const members = [member('^2.0.0', null, '1.0.0'), { ...member('~1.1.0', null), id: 'acme/b' as const }];
    expect(() => chooseVersions('acme/pack', members, 'installed')).toThrow(
      expect.objectContaining({
        code: 'E_DEPENDENCY',
        message:
          'missing: acme/pack -> acme/a ^2.0.0 is not staged, staged are 1.0.0; ' +
          'missing: acme/pack -> acme/b ~1.1.0 is not staged, no version of it is',
      }),
    );
  });
});

describe('shareApproval', () => {
  const ask = (id: 'acme/a' | 'acme/b', ...names: string[]) => ({
    id,
    capabilities: names.map((name) => ({ name, reason: 'r' })),
  });
  const members = [ask('acme/a', 'database.read', 'api.emit_events'), ask('acme/b', 'database.read')];
  const shared = (approve: string[] | 'all') =>
    Object.fromEntries(shareApproval('acme/pack', members, approve));

  it('gives each member what it declares of what was approved', () => {
    expect(shared('all')).toEqual({ 'acme/a': 'all', 'acme/b': 'all' });
    expect(shared([])).toEqual({ 'acme/a': [], 'acme/b': [] });
    expect(shared(['database.read', 'database.read'])).toEqual({
      'acme/a': ['database.read'],
      'acme/b': ['database.read'],
    });
    expect(shared(['acme/b:database.read'])).toEqual({ 'acme/a': [], 'acme/b': ['database.read'] });
  });

  it.each([
    'network.outbound',
    'acme/b:api.emit_events',
    'acme/c:database.read',
    'acme/b:',
    ':database.read',
  ])('refuses %s, which nobody declares', (name) => {
    expect(() => shared([name])).toThrow(expect.objectContaining({ code: 'E_APPROVAL' }));
  });
});

describe('the composition of a bundle', () => {
  it('is kept for each version that can be gone back to', () => {
    const at = (version: string) =>
      new Map([['acme/a' as const, { version, digest: `sha256:${version}`, brought: true }]]);
    let config = withComposition({}, '1.0.0', at('1.0.1'), []);
    config = withComposition(config, '2.0.0', at('2.0.1'), ['1.0.0']);
    const record = { config, version: '2.0.0' };
    expect([compositionOf(record), compositionOf(record, '1.0.0')]).toEqual([at('2.0.1'), at('1.0.1')]);
    config = withComposition(config, '3.0.0', at('3.0.1'), ['2.0.0']);
    expect(compositionOf({ config, version: '1.0.0' }).size).toBe(0);
    expect(compositionOf({ config: {}, version: '1.0.0' }).size).toBe(0);
  });
});
