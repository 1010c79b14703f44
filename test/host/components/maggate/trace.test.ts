import { describe, expect, it } from 'vitest';
import { traceIdFrom } from '../../../../host/components/maggate/trace.ts';
import { traceparentOf } from '../../../../kernel/trace.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

describe('trace ids', () => {
  it.each([`00-${TRACE}-${PARENT}-01`, `00-${TRACE}-${PARENT}-00`, `cc-${TRACE}-${PARENT}-01-more`])(
    'are taken from %s',
    (header) => {
      expect(traceIdFrom(header)).toBe(TRACE);
    },
  );

  it.each([
    undefined,
    '',
    TRACE,
    [`00-${TRACE}-${PARENT}-01`],
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01\r\nset-cookie: a=1`,
  ])('are fresh for %j', (header) => {
    const fresh = traceIdFrom(header);
    expect(fresh).toMatch(/^[0-9a-f]{32}$/);
    expect(fresh).not.toBe(TRACE);
    expect(fresh).not.toBe(traceIdFrom(header));
  });

  it('are answered with a span of our own', () => {
    expect(traceparentOf(TRACE)).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(traceIdFrom(traceparentOf(TRACE))).toBe(TRACE);
  });
});
