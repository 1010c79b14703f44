import { describe, expect, it } from 'vitest';
import { verdict } from '../../../kernel/lifecycle/verdict.ts';
import type { HealthSample } from '../../../kernel/ports.ts';

const NOW = new Date('2026-11-21T12:00:00Z');

/** Newest first, ten seconds apart. */
const samples = (...list: Partial<HealthSample>[]): HealthSample[] =>
  list.map((sample, i) => ({
    extension: 'acme/hello',
    at: new Date(NOW.getTime() - i * 10_000),
    healthy: true,
    detail: null,
    calls: 0,
    errors: 0,
    cpuMs: 0,
    heapBytes: 0,
    restarts: 0,
    ...sample,
  }));
const sick = { healthy: false };

describe('verdict', () => {
  it('lets a healthy extension go on', () => {
    expect(verdict(samples({}, {}, {}), NOW)).toBeNull();
    expect(verdict([], NOW)).toBeNull();
  });

  it('ends one whose last three checks failed, not one that recovered', () => {
    expect(verdict(samples(sick, sick), NOW)).toBeNull();
    expect(verdict(samples(sick, sick, {}, sick), NOW)).toBeNull();
    expect(verdict(samples({}, sick, sick, sick), NOW)).toBeNull();
    expect(verdict(samples(sick, sick, sick), NOW)).not.toBeNull();
  });

  it('ends one of whose calls within a minute more than half failed', () => {
    expect(verdict(samples({ calls: 20, errors: 11 }), NOW)).not.toBeNull();
    expect(verdict(samples({ calls: 20, errors: 10 }), NOW)).toBeNull();
    expect(verdict(samples({ calls: 10, errors: 10 }, { calls: 30, errors: 0 }), NOW)).toBeNull();
  });

  it('makes nothing of a few calls or of what is long ago', () => {
    expect(verdict(samples({ calls: 19, errors: 19 }), NOW)).toBeNull();
    expect(verdict(samples({ calls: 20, errors: 20, at: new Date(NOW.getTime() - 61_000) }), NOW)).toBeNull();
  });
});
