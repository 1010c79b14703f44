import { describe, expect, it } from 'vitest';
import { refuseNeeded, requireNeeded, requireUnmoved } from '../../../kernel/lifecycle/once-held.ts';
import type { Parts } from '../../../kernel/lifecycle/parts.ts';
import type { ExtensionRecord, ExtensionState, OperationKind, Stores } from '../../../kernel/ports.ts';

const record = (id: ExtensionRecord['id'], state: ExtensionState, digest = 'sha256:1'): ExtensionRecord => ({
  ...{
    id,
    state,
    digest,
    version: '1.0.0',
    highestVersion: '1.0.0',
    config: {},
    reason: null,
    updatedAt: new Date(0),
  },
});

describe('an operation that holds its extension', () => {
  const now = (found: ExtensionRecord | null) =>
    ({ extensions: { get: async () => found } }) as unknown as Stores;
  const before = record('acme/a', 'disabled');

  it('goes on where nothing was moved meanwhile', async () => {
    await expect(requireUnmoved('uninstall', before, now(before))).resolves.toBeUndefined();
  });

  it.each<[OperationKind, ExtensionRecord | null]>([
    ['uninstall', record('acme/a', 'enabled')],
    ['install', record('acme/a', 'installed')],
    ['enable', record('acme/a', 'enabled')],
    ['upgrade', record('acme/a', 'uninstalled')],
    ['upgrade', record('acme/a', 'disabled', 'sha256:2')],
    ['rollback', record('acme/a', 'disabled', 'sha256:2')],
    ['enable', null],
  ])('does no %s of what became %o', async (kind, found) => {
    await expect(requireUnmoved(kind, before, now(found))).rejects.toMatchObject({ code: 'E_STATE' });
  });

  it('disables whichever version there is, quarantined or not', async () => {
    const found = record('acme/a', 'quarantined', 'sha256:2');
    await expect(requireUnmoved('disable', before, now(found))).resolves.toBeUndefined();
  });
});

describe('an enable and a disable that exclude each other', () => {
  /** `acme/b` needs `acme/a`. */
  const parts = (
    states: Record<'acme/a' | 'acme/b', ExtensionState>,
    held: Record<string, OperationKind>,
  ): Parts => {
    const node = { version: '1.0.0', dependencies: {} };
    const nodes = new Map([
      ['acme/a', { ...node, id: 'acme/a' }],
      ['acme/b', { ...node, id: 'acme/b', dependencies: { 'acme/a': '*' } }],
    ]);
    const records = (['acme/a', 'acme/b'] as const).map((id) => record(id, states[id]));
    const holders = Object.entries(held).map(([extension, kind]) => ({ extension, kind }));
    return {
      registry: { nodes: async () => nodes, records: async () => records },
      stores: { operations: { holders: async () => holders } },
    } as unknown as Parts;
  };

  it('see each other while both are under way', async () => {
    const both = parts(
      { 'acme/a': 'enabled', 'acme/b': 'disabled' },
      { 'acme/a': 'disable', 'acme/b': 'enable' },
    );
    await expect(requireNeeded('acme/b', both)).rejects.toMatchObject({ code: 'E_DEPENDENCY' });
    await expect(refuseNeeded('acme/a', both)).rejects.toMatchObject({ code: 'E_DEPENDENTS' });
  });

  it('see what the other left', async () => {
    const disabled = parts({ 'acme/a': 'disabled', 'acme/b': 'disabled' }, { 'acme/b': 'enable' });
    await expect(requireNeeded('acme/b', disabled)).rejects.toMatchObject({ code: 'E_DEPENDENCY' });
    const enabled = parts({ 'acme/a': 'enabled', 'acme/b': 'enabled' }, { 'acme/a': 'disable' });
    await expect(refuseNeeded('acme/a', enabled)).rejects.toMatchObject({ code: 'E_DEPENDENTS' });
  });

  it('let each other be where neither is in the way', async () => {
    const one = parts({ 'acme/a': 'enabled', 'acme/b': 'disabled' }, { 'acme/b': 'enable' });
    await expect(requireNeeded('acme/b', one)).resolves.toBeUndefined();
    const other = parts({ 'acme/a': 'enabled', 'acme/b': 'disabled' }, { 'acme/a': 'disable' });
    await expect(refuseNeeded('acme/a', other)).resolves.toBeUndefined();
  });
});
