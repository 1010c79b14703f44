import { describe, expect, it } from 'vitest';
import { Gate } from '../../kernel/capability/gate.ts';
import type { MagError } from '../../kernel/errors.ts';
import type { GuestStream } from '../../kernel/sandbox/cell.ts';
import { OpenStreams } from '../../kernel/streams.ts';
import { manifestOf } from '../support/manifest.ts';

const manifest = manifestOf({ capabilities: [{ name: 'api.register_endpoint', reason: 'r' }] });
const SERVE = { capability: 'api.register_endpoint' } as const;

function play() {
  const over = Promise.withResolvers<void>();
  const codes: string[] = [];
  const end = (reason: MagError) => {
    codes.push(reason.code);
    over.resolve();
  };
  const stream: GuestStream = { next: async () => null, end, ended: AbortSignal.any([]), over: over.promise };
  return { stream, codes, finish: over.resolve };
}

function setUp() {
  const gate = new Gate();
  gate.hold(manifest, [{ ...SERVE, scope: null }]);
  return { gate, streams: new OpenStreams(gate) };
}

describe('open streams', () => {
  it('end when what they rest on is revoked, and only then', () => {
    const { gate, streams } = setUp();
    const { stream, codes } = play();
    streams.add(manifest.id, [SERVE], stream);
    gate.hold(manifest, [{ ...SERVE, scope: null }]);
    gate.release('acme/other');
    expect(codes).toEqual([]);
    gate.hold(manifest, []);
    expect(codes).toEqual(['E_CAP_REVOKED']);
  });

  it('end at once when it was revoked before they were there', () => {
    const { gate, streams } = setUp();
    const { stream, codes } = play();
    gate.hold(manifest, []);
    streams.add(manifest.id, [SERVE], stream);
    expect(codes).toEqual(['E_CAP_REVOKED']);
  });

  it('end with their extension, those that are over aside', async () => {
    const { streams } = setUp();
    const [open, done] = [play(), play()];
    for (const { stream } of [open, done]) streams.add(manifest.id, [SERVE], stream);
    done.finish();
    await done.stream.over;
    streams.cut('acme/other');
    streams.cut(manifest.id);
    expect([open.codes, done.codes]).toEqual([['E_NOT_ENABLED'], []]);
  });
});
