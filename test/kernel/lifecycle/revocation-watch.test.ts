import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import type { Parts } from '../../../kernel/lifecycle/parts.ts';
import { RevocationWatch } from '../../../kernel/lifecycle/revocation-watch.ts';

const entry = {
  kind: 'publisher',
  publisher: 'acme',
  reason: 'x',
  revokedAt: '2026-11-01T00:00:00Z',
} as const;

describe('the watch over what runs', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function watchOf() {
    const world = {
      states: { 'acme/a': 'enabled', 'acme/b': 'disabled', 'acme/c': 'enabled' } as Record<string, string>,
      revoked: new Set<string>(),
      broken: null as Error | null,
      trouble: null as string | null,
      quarantined: [] as [string, string][],
      logged: [] as string[],
    };
    const log = (_fields: unknown, message: string) => void world.logged.push(message);
    const parts = {
      registry: {
        records: async () => Object.entries(world.states).map(([id, state]) => ({ id, state, digest: id })),
        revocations: async () => {
          if (world.broken !== null) throw world.broken;
          return {
            lists: [{ list: { issuer: 'security', number: 4 }, publishers: null, trouble: world.trouble }],
            of: async (digest: string) => {
              if (digest === 'acme/c') throw new Error('it cannot be read');
              const revocation = { issuer: 'security', number: 4, entry };
              return world.revoked.has(digest) ? { digest, id: digest, version: '1.0.0', revocation } : null;
            },
          };
        },
      },
      quarantine: async (id: string, error: MagError) => {
        world.quarantined.push([id, error.code]);
        world.states[id] = 'quarantined';
      },
      logger: { warn: log, error: log },
    };
    return { world, watch: new RevocationWatch(parts as unknown as Parts) };
  }

  it('looks every half a minute at what is enabled, and past what cannot be looked at', async () => {
    const { world, watch } = watchOf();
    await watch.start();
    world.revoked.add('acme/a').add('acme/b');
    expect(world.quarantined).toEqual([]);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(world.quarantined).toEqual([['acme/a', 'E_SIG_REVOKED']]);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(world.quarantined).toHaveLength(1);
    expect(world.logged).toContain('it could not be held against the revocation lists');
    await watch.stop();
    world.states['acme/a'] = 'enabled';
    await vi.advanceTimersByTimeAsync(61_000);
    expect(world.quarantined).toHaveLength(1);
  });

  it('says once what is wrong with a list, and goes on when it could not read them', async () => {
    const { world, watch } = watchOf();
    world.broken = new MagError('E_REVOCATION_LIST', 'it is damaged');
    await watch.start();
    await expect(watch.sweep()).rejects.toMatchObject({ code: 'E_REVOCATION_LIST' });
    expect(watch.troubles).toEqual([{ name: 'revocations', detail: expect.stringContaining('damaged') }]);
    world.broken = null;
    world.trouble = 'it was to be renewed';
    world.revoked.add('acme/a');
    expect(await watch.sweep()).toEqual(['acme/a']);
    const trouble = 'list 4 goes on revoking, but it was to be renewed';
    expect(watch.troubles).toEqual([{ name: 'revocations: security', detail: trouble }]);
    await watch.sweep();
    const said = world.logged.filter((message) => message === 'a revocation list needs an operator');
    expect(said).toHaveLength(2);
    world.trouble = null;
    await watch.sweep();
    expect(watch.troubles).toEqual([]);
    await watch.stop();
  });
});
