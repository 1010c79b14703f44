import { describe, expect, it } from 'vitest';
import { checkRuntimeFloors } from '../../host/runtime-floors.ts';

describe('checkRuntimeFloors', () => {
  it('lets the runtime of this checkout pass', () => {
    expect(() => checkRuntimeFloors()).not.toThrow();
  });

  it.each([
    ['isolated-vm', '7.0.0'],
    ['@sigstore/verify', '3.1.0'],
    ['ws', '8.20.9'],
  ])('refuses %s %s', (name, version) => {
    const versionOf = (asked: string) => (asked === name ? version : '99.0.0');
    expect(() => checkRuntimeFloors(undefined, versionOf)).toThrow(
      expect.objectContaining({
        code: 'E_UNSAFE_RUNTIME',
        message: expect.stringContaining(`${name} ${version}`),
      }),
    );
  });

  it.each(['20.20.2', '24.18.0'])('refuses Node %s', (version) => {
    expect(() => checkRuntimeFloors(version)).toThrow(expect.objectContaining({ code: 'E_UNSAFE_RUNTIME' }));
  });
});
