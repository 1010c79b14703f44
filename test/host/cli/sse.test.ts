import { describe, expect, it } from 'vitest';
import { parseEvents, type ServerSentEvent } from '../../../host/cli/sse.ts';

async function parse(chunks: readonly Uint8Array[]): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  for await (const event of parseEvents(ReadableStream.from(chunks))) events.push(event);
  return events;
}

const bytes = (text: string) => new TextEncoder().encode(text);

const STREAM =
  ': open\n\nid: 7\nevent: step\ndata: {"ü":1}\n\n: keep-alive\r\n\r\ndata: two\ndata: lines\n\n';
const EVENTS: ServerSentEvent[] = [
  { event: 'step', data: '{"ü":1}', id: '7' },
  { event: 'message', data: 'two\nlines', id: null },
];

describe('parseEvents', () => {
  it('reads events and passes comments over', async () => {
    expect(await parse([bytes(STREAM)])).toEqual(EVENTS);
  });

  it('reads the same from bytes cut anywhere, inside a character or a line ending', async () => {
    const all = bytes(STREAM);
    for (let cut = 1; cut < all.length; cut++) {
      expect(await parse([all.slice(0, cut), all.slice(cut)])).toEqual(EVENTS);
    }
    expect(await parse([...all].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
  });

  it('drops an event the stream ended in the middle of', async () => {
    expect(await parse([bytes('data: whole\n\ndata: half\n')])).toEqual([
      { event: 'message', data: 'whole', id: null },
    ]);
  });

  it('gives up on an event without end', async () => {
    const endless = Array.from({ length: 6 }, () => bytes('x'.repeat(1_000_000)));
    await expect(parse(endless)).rejects.toBeInstanceOf(RangeError);
  });
});
