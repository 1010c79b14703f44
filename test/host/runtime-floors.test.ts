import { describe, expect, it } from 'vitest';
import { checkRuntimeFloors } from '../../host/runtime-floors.ts';

describe('checkRuntimeFloors', () => {
  it('lets the runtime of this checkout pass', () => {
    expect(() => checkRuntimeFloors()).not.toThrow();
  });

  it.each(['20.20.2', '24.18.0'])('refuses Node %s', (version) => {
    expect(() => checkRuntimeFloors(version)).toThrow(expect.objectContaining({ code: 'E_UNSAFE_RUNTIME' }));
  });
});
