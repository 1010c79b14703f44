import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import { readArchive } from '../../../kernel/trust/archive.ts';
import { parseTrustPolicy } from '../../../kernel/trust/policy.ts';
import { verifyPackage } from '../../../kernel/trust/verify.ts';
import { rawTar } from './fixtures/archives.ts';
import { certificateBundle, reviewLine } from './fixtures/bundles.ts';
import { MANIFEST, NOW, packageArchive, policyOf, sign, testKey } from './fixtures/packages.ts';

const key = testKey();
const policy = policyOf({ acme: [{ key }] });
const archive = await packageArchive();
const bundle = sign(archive, key);
const tar = await rawTar([
  { name: 'manifest.json', content: JSON.stringify(MANIFEST) },
  { name: `dist/${'long/'.repeat(60)}index.js`, content: 'x'.repeat(600) },
]);

/** The one oracle: a value comes out, or one of our codes that is not our own fault. */
async function valueOrCode(run: () => unknown): Promise<'value' | string> {
  try {
    await run();
    return 'value';
  } catch (error) {
    expect(error).toBeInstanceOf(MagError);
    if (error instanceof MagError) return error.code;
    throw error;
  }
}

const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 });

function edited(bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const [at, value] of changes) copy[at % copy.byteLength] = value;
  return copy;
}

describe('fuzzing', () => {
  it('readArchive survives any bytes', async () => {
    const any = fc.uint8Array({ maxLength: 2000 });
    await fc.assert(
      fc.asyncProperty(any, fc.boolean(), async (bytes, zip) => {
        const code = await valueOrCode(() => readArchive(zip ? gzipSync(bytes) : bytes));
        expect(code).toBe('E_PKG_INVALID');
      }),
      { numRuns: 300 },
    );
  });

  it('readArchive survives any tar header', async () => {
    await fc.assert(
      fc.asyncProperty(edits, fc.boolean(), async (changes, keepSums) => {
        const bytes = edited(tar, changes);
        if (keepSums) fixChecksums(bytes);
        expect(['value', 'E_PKG_INVALID']).toContain(await valueOrCode(() => readArchive(gzipSync(bytes))));
      }),
      { numRuns: 500 },
    );
  });

  it('verifyPackage never takes a changed package', async () => {
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const bytes = edited(archive, changes);
        fc.pre(!Buffer.from(bytes).equals(archive));
        const code = await valueOrCode(() => verifyPackage({ archive: bytes, bundle, policy, now: NOW }));
        expect(code).not.toBe('value');
      }),
      { numRuns: 300 },
    );
  });

  it('verifyPackage survives any attestations', async () => {
    const alice = testKey();
    const needy = parseTrustPolicy({
      publishers: { acme: { tier: 'verified', keys: [{ id: 'k', publicKey: key.pem }], reviews: 1 } },
      reviewers: { alice: { keys: [{ id: 'a', publicKey: alice.pem }] } },
    });
    const json = JSON.parse(reviewLine(archive, alice));
    const grafted = fc
      .tuple(fc.constantFrom(...paths(json)), fc.jsonValue())
      .map(([path, value]) => JSON.stringify(graft(json, path, value)));
    const certified = JSON.parse(certificateBundle(archive, alice)).verificationMaterial;
    const keyless = JSON.stringify({ ...json, verificationMaterial: certified });
    const line = fc.oneof(fc.string(), fc.json(), grafted, fc.constant(keyless));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 4 }), async (lines) => {
        const submitted = { archive, bundle, attestations: lines.join('\n'), policy: needy, now: NOW };
        expect(['value', 'E_SIG_REVIEWS']).toContain(await valueOrCode(() => verifyPackage(submitted)));
      }),
      { numRuns: 1000 },
    );
  });

  it('verifyPackage survives any bundle', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      edits.map((changes) => asText(edited(Buffer.from(bundle), changes))),
    );
    const json = JSON.parse(bundle);
    const grafted = fc
      .tuple(fc.constantFrom(...paths(json)), fc.jsonValue())
      .map(([path, value]) => JSON.stringify(graft(json, path, value)));
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, grafted), async (candidate) => {
        const code = await valueOrCode(() => verifyPackage({ archive, bundle: candidate, policy, now: NOW }));
        expect(code).toMatch(/^(value|E_SIG_[A-Z]+)$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('parseTrustPolicy survives any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (json) => {
        const code = await valueOrCode(() => parseTrustPolicy(json));
        expect(['value', 'E_CONFIG']).toContain(code);
        expect(['value', 'E_CONFIG']).toContain(
          await valueOrCode(() => parseTrustPolicy({ publishers: json })),
        );
      }),
    );
  });
});

/** Gives every block of a tar the checksum it would have as a header, so that headers are read further. */
function fixChecksums(bytes: Uint8Array): void {
  for (let at = 0; at + 512 <= bytes.byteLength; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (Buffer.from(block.subarray(257, 262)).toString() !== 'ustar') continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  }
}

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function paths(json: unknown, at: string[] = []): string[][] {
  if (typeof json !== 'object' || json === null) return [at];
  return [at, ...Object.entries(json).flatMap(([name, child]) => paths(child, [...at, name]))];
}

function graft(json: unknown, [name, ...rest]: string[], value: unknown): unknown {
  if (name === undefined || typeof json !== 'object' || json === null) return value;
  return { ...json, [name]: graft(Reflect.get(json, name), rest, value) };
}
