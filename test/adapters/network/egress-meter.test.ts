import { describe, expect, it } from 'vitest';
import { EgressMeter } from '../../../adapters/network/egress-meter.ts';

describe('the egress meter', () => {
  const KIB = 1_024;
  const overLimit = expect.objectContaining({ code: 'E_LIMIT_EGRESS' });

  it('counts the last minute, for each extension of its own', () => {
    let nowMs = 0;
    const meter = new EgressMeter(() => nowMs);
    const send = (bytes: number, extension: 'acme/a' | 'acme/b' = 'acme/a') =>
      meter.spend(extension, bytes, 10, 'out');
    send(6 * KIB);
    nowMs = 30_000;
    send(4 * KIB);
    expect(() => send(1)).toThrow(overLimit);
    send(10 * KIB, 'acme/b');
    nowMs = 59_999;
    expect(() => send(1)).toThrow(overLimit);
    nowMs = 60_000; // the first second has left the window
    send(6 * KIB);
    expect(() => send(1)).toThrow(overLimit);
    nowMs = 500_000;
    send(10 * KIB);
  });

  it('counts what came in even when it is too much, and not what was never sent', () => {
    const meter = new EgressMeter(() => 0);
    expect(() => meter.spend('acme/a', 11 * KIB, 10, 'out')).toThrow(overLimit);
    meter.spend('acme/a', 9 * KIB, 10, 'out');
    expect(() => meter.spend('acme/a', 2 * KIB, 10, 'in')).toThrow(overLimit);
    expect(() => meter.spend('acme/a', 1, 10, 'out')).toThrow(overLimit);
    expect(meter.total('acme/a')).toEqual({ sentBytes: 9 * KIB, receivedBytes: 2 * KIB });
  });

  it('adds up what went either way for as long as the host runs', () => {
    let nowMs = 0;
    const meter = new EgressMeter(() => nowMs);
    for (; nowMs < 600_000; nowMs += 60_000) {
      meter.spend('acme/a', 1_000, 10, 'out');
      meter.spend('acme/a', 5_000, 10, 'in');
    }
    expect(meter.total('acme/a')).toEqual({ sentBytes: 10_000, receivedBytes: 50_000 });
    expect(meter.total('acme/b')).toEqual({ sentBytes: 0, receivedBytes: 0 });
  });
});
