/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  /** `message` when the stream names none. */
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

/** An event longer than this ends the stream: the host sends none of this size. */
const MAX_EVENT_CHARS = 4_194_304;

/**
 * The events of a stream, in order (HTML §9.2.6), without reconnecting.
 * @throws RangeError on an event without end
 */
export async function* parseEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A lone \r may be the first half of \r\n that the next chunk completes.
    const held = rest.endsWith('\r') ? '\r' : '';
    const blocks = rest
      .slice(0, rest.length - held.length)
      .replace(/\r\n?/g, '\n')
      .split('\n\n');
    rest = (blocks.pop() ?? '') + held;
    if (rest.length > MAX_EVENT_CHARS) throw new RangeError('an event of the stream is too long');
    for (const block of blocks) yield* parseBlock(block);
  }
}

/** One event, or none for a block of comments. */
function* parseBlock(block: string): Generator<ServerSentEvent> {
  const data: string[] = [];
  let event = 'message';
  let id: string | null = null;
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id') id = value;
  }
  if (data.length > 0) yield { event, data: data.join('\n'), id };
}
