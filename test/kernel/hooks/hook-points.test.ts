import { beforeEach, describe, expect, it } from 'vitest';
import type { HookPoint } from '../../../kernel/hooks/hook-point.ts';
import { HookPoints, type Tap } from '../../../kernel/hooks/hook-points.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const HOOK = 'maggate.wrap_request';
const request = { method: 'GET', path: '/x/a/b', query: {}, headers: {} };

describe('HookPoints', () => {
  let points: HookPoints;
  let point: HookPoint;
  beforeEach(() => {
    points = new HookPoints(silentLogger);
    point = points.register('maggate', HOOK);
  });

  const tap = (extension: ExtensionId, call: Tap['call'], members: Partial<Tap> = {}) =>
    points.tap(extension, new Map([[HOOK, { extension, order: 100, covers: () => true, call, ...members }]]));
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
    const left: number[] = [];
    const slow: Tap['call'] = async (value, _request, deadlineMs) => {
      left.push(deadlineMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return value;
    };
    tap('acme/a', slow);
    tap('acme/b', slow);
    await fire();
    expect(left[0]).toBeLessThanOrEqual(1_000);
    expect(left[1]).toBeLessThan(left[0] ?? 0);
  });

  it('passes by taps whose grant does not cover the resource', async () => {
    tap('acme/a', stamping('a'), { covers: (resource) => resource?.paths === '/x/a/b' });
    expect(await fire({ paths: '/x/other' })).toBeUndefined();
    expect(await fire({ paths: '/x/a/b' })).toBe('a');
  });
});
