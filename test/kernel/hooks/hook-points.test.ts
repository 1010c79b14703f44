import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { TransformPoint } from '../../../kernel/hooks/hook-point.ts';
import { HookPoints } from '../../../kernel/hooks/hook-points.ts';
import type { Tap } from '../../../kernel/hooks/tapped-point.ts';
import type { ExtensionId, Manifest } from '../../../manifests/manifest/manifest.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { tapOf } from './tap-of.ts';

const HOOK = 'maggate.wrap_request';
const request = { method: 'GET', path: '/x/a/b', query: {}, headers: {} };

describe('HookPoints', () => {
  let points: HookPoints;
  let point: TransformPoint;
  beforeEach(() => {
    points = new HookPoints(silentLogger);
    point = points.register('maggate', HOOK);
  });

  const tap = (extension: ExtensionId, call: Tap['call'], members: Partial<Tap> = {}) =>
    points.tap(extension, new Map([[HOOK, tapOf(extension, call, members)]]));
  const stamping =
    (mark: string): Tap['call'] =>
    async (value) => {
      const seen = value as typeof request & { headers: Record<string, string> };
      return { ...seen, headers: { ...seen.headers, trail: `${seen.headers.trail ?? ''}${mark}` } };
    };
  const fire = async (resource?: Record<string, string>) => {
    const fired = await point.fire(request, { request: null, ...(resource ? { resource } : {}) });
    return (fired as { headers: Record<string, string> }).headers.trail;
  };

  it('refuses hooks of another component and registering twice', () => {
    expect(() => points.register('maggate', HOOK)).toThrow(expect.objectContaining({ code: 'E_INTERNAL' }));
    expect(() => new HookPoints(silentLogger).register('magds', HOOK)).toThrow(
      expect.objectContaining({ code: 'E_INTERNAL' }),
    );
  });

  it('is used only while somebody taps', () => {
    expect(point.isUsed()).toBe(false);
    tap('acme/a', stamping('a'));
    expect(point.isUsed()).toBe(true);
    points.tap('acme/a', new Map());
    expect(point.isUsed()).toBe(false);
  });

  it('runs taps by order, then by id, each on what the one before returned', async () => {
    tap('acme/b', stamping('b'));
    tap('acme/a', stamping('a'));
    tap('acme/z', stamping('z'), { order: 1 });
    expect(await fire()).toBe('zab');
  });

  it.each([
    ['throws', async () => Promise.reject(new Error('broken'))],
    ['returns what does not match the schema', async () => ({ status: 200 })],
    ['returns nothing', async () => null],
  ])('passes the value on when a tap %s', async (_what, call) => {
    tap('acme/a', stamping('a'));
    tap('acme/b', call);
    tap('acme/c', stamping('c'));
    expect(await fire()).toBe('ac');
  });

  it('hands each tap what is left of the budget, never more', async () => {
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    const left: number[] = [];
    const slow: Tap['call'] = async (value, _request, deadlineMs) => {
      left.push(deadlineMs);
      now += 20;
      return value;
    };
    tap('acme/a', slow);
    tap('acme/b', slow);
    await fire();
    clock.mockRestore();
    expect(left).toEqual([1_000, 980]);
  });

  it('passes by taps whose grant does not cover the resource', async () => {
    tap('acme/a', stamping('a'), { covers: (resource) => resource?.paths === '/x/a/b' });
    expect(await fire({ paths: '/x/other' })).toBeUndefined();
    expect(await fire({ paths: '/x/a/b' })).toBe('a');
  });
});

describe('a hook that fails closed', () => {
  const NAME = 'magauth.membership_resolver';
  const manifest = {
    id: 'acme/members',
    version: '1.0.0',
    contributes: { hooks: [{ hook: NAME, order: 7 }] },
  } as unknown as Manifest;

  it('fails while whoever taps it is away, and not once it is done without', async () => {
    const points = new HookPoints(silentLogger);
    const point = points.register('magauth', NAME);
    const other = points.register('maggate', 'maggate.wrap_request');
    points.tap('acme/members', new Map([[NAME, tapOf('acme/members', async (value) => value)]]));
    expect(points.isNeeded('acme/members')).toBe(true);
    points.close(manifest);
    expect([point.isUsed(), other.isUsed()]).toEqual([true, false]);
    await expect(point.fire({}, { request: null })).rejects.toMatchObject({
      code: 'E_EXTENSION',
      blame: { extension: 'acme/members', hook: NAME },
    });
    points.open('acme/members');
    expect([point.isUsed(), points.isNeeded('acme/members')]).toEqual([false, false]);
  });

  it('has nothing to do with who never tapped it', () => {
    const points = new HookPoints(silentLogger);
    const point = points.register('magauth', NAME);
    points.close({ ...manifest, contributes: { ...manifest.contributes, hooks: [] } });
    expect(point.isUsed()).toBe(false);
  });
});
