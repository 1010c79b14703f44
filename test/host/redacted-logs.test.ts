import { expect, it } from 'vitest';
import { redactedLogs } from '../../host/redacted-logs.ts';
import type { LogLine } from '../../kernel/ports.ts';

it('is a log without what an extension must not write: in the message, in fields and in their names', () => {
  const written: LogLine[] = [];
  const inner = {
    write: (line: LogLine) => void written.push(line),
    read: async () => [],
    flush: async () => {},
  };
  const logs = redactedLogs(inner, (id) =>
    id === 'acme/shop' ? (text) => text.replaceAll('geheim', '[redacted]') : null,
  );
  const line = {
    at: new Date(0),
    level: 'info',
    message: 'with geheim',
    fields: { a: 'geheim', geheim: { deep: ['x', 'a geheim', 1, null, true] } },
    traceId: null,
  } as const;
  logs.write({ ...line, extension: 'acme/shop', fields: structuredClone(line.fields) as never });
  logs.write({ ...line, extension: 'acme/other', fields: structuredClone(line.fields) as never });
  expect(written[0]).toEqual({
    ...line,
    extension: 'acme/shop',
    message: 'with [redacted]',
    fields: { a: '[redacted]', '[redacted]': { deep: ['x', 'a [redacted]', 1, null, true] } },
  });
  expect(written[1]).toEqual({ ...line, extension: 'acme/other' });
});
