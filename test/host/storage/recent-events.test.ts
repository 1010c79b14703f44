import { describe, expect, it } from 'vitest';
import { toEventRow } from '../../../host/storage/event-row.ts';
import { RecentEvents } from '../../../host/storage/recent-events.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';
import { event } from '../events/contract.ts';

const TYPE = 'acme.hello.greeted';
const rows = (count: number, text = '') =>
  Array.from({ length: count }, () =>
    toEventRow(event('one', { event_id: uuidV7(), data: text }), Date.now()),
  );
const numbers = (page: ReturnType<RecentEvents['page']>) => page?.events.map(({ sequence }) => sequence);

describe('the events a host committed last', () => {
  it('are known from the first one on, of each component for itself', () => {
    const recent = new RecentEvents();
    recent.committed('one', 5, rows(2));
    recent.committed('one', 7, rows(1));
    expect(recent.page('one', 4, 10, [TYPE])?.head).toBe(7);
    expect(numbers(recent.page('one', 5, 10, [TYPE]))).toEqual([6, 7]);
    expect(numbers(recent.page('one', 4, 2, [TYPE]))).toEqual([5, 6]);
    expect(recent.page('one', 4, 10, ['acme.hello.other'])).toEqual({ head: 7, events: [] });
    expect(recent.page('two', 0, 10, [TYPE])).toBeNull();
  });

  it('are not asked where something is missing, or nothing is known to come', () => {
    const recent = new RecentEvents();
    recent.committed('one', 5, rows(2));
    expect(recent.page('one', 3, 10, [TYPE])).toBeNull();
    expect(recent.page('one', 6, 10, [TYPE])).toBeNull();
    recent.committed('one', 9, rows(1)); // another host has written 7 and 8
    for (const after of [4, 6, 7]) expect(recent.page('one', after, 10, [TYPE])).toBeNull();
    expect(numbers(recent.page('one', 8, 10, [TYPE]))).toEqual([9]);
  });

  it('are no more than a few thousand, or megabytes', () => {
    const recent = new RecentEvents();
    for (let first = 1; first < 10_000; first += 100) recent.committed('one', first, rows(100));
    expect(recent.page('one', 7_900, 10, [TYPE])).toBeNull();
    expect(recent.page('one', 9_500, 10, [TYPE])?.head).toBe(10_000);
    recent.committed('one', 10_001, rows(30, 'x'.repeat(200_000)));
    expect(recent.page('one', 10_000, 10, [TYPE])).toBeNull();
    expect(numbers(recent.page('one', 10_028, 10, [TYPE]))).toEqual([10_029, 10_030]);
  });
});
