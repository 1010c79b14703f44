import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder } from '@sigstore/sign';
import { attestReview, type ReviewSigner } from '../../host/packaging/attest.ts';
import { generateKey } from '../../host/packaging/index.ts';
import { keylessSigning } from '../../host/packaging/sign-keyless.ts';
import { identityToken, type TestSigstore } from './sigstore.ts';

/** The report that `mag extension:review --report` writes of a package in which nothing fails. */
export function reportOn(archive: Uint8Array, verdict: 'pass' | 'person' | 'fail' = 'pass'): string {
  return JSON.stringify({
    extension: 'acme/hello',
    version: '1.0.0',
    digest: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
    reviewedAt: new Date().toISOString(),
    magflock: '1.0.0',
    verdict,
    checks: [],
  });
}

/** A person with a key of their own who approves packages as `mag extension:attest` does. */
export class Reviewer implements AsyncDisposable {
  readonly publicKey: string;
  readonly keyFile: string;
  readonly #folder: string;

  private constructor(folder: string, keyFile: string, publicKey: string) {
    this.#folder = folder;
    this.keyFile = keyFile;
    this.publicKey = publicKey;
  }

  static async create(): Promise<Reviewer> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-reviewer-'));
    const { privateKey, publicKey } = await generateKey(join(folder, 'reviewer'));
    return new Reviewer(folder, privateKey, await readFile(publicKey, 'utf8'));
  }

  /** The line of an approval. */
  approve(archive: Uint8Array): Promise<string> {
    return lineOf(archive, { key: this.keyFile });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The line of an approval by whoever a token names. */
export function approveKeyless(archive: Uint8Array, sigstore: TestSigstore, san: string): Promise<string> {
  const urls = { fulcioUrl: sigstore.url, rekorUrl: sigstore.url };
  return lineOf(archive, { keyless: { identityToken: identityToken(san), ...urls } });
}

/** The line of any statement about a package, signed in a workflow as `actions/attest` does. */
export async function attestKeyless(
  archive: Uint8Array,
  sigstore: TestSigstore,
  san: string,
  predicate: { readonly predicateType: string; readonly predicate: object },
): Promise<string> {
  const urls = { fulcioUrl: sigstore.url, rekorUrl: sigstore.url };
  const builder = new DSSEBundleBuilder(keylessSigning({ identityToken: identityToken(san), ...urls }));
  const digest = { sha256: createHash('sha256').update(archive).digest('hex') };
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'extension.mag', digest }],
    ...predicate,
  };
  const data = Buffer.from(JSON.stringify(statement));
  const bundle = await builder.create({ data, type: 'application/vnd.in-toto+json' });
  return JSON.stringify(bundleToJSON(bundle));
}

async function lineOf(archive: Uint8Array, by: ReviewSigner): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'magflock-review-'));
  try {
    const [file, report] = [join(folder, 'package.mag'), join(folder, 'report.json')];
    await writeFile(file, archive);
    await writeFile(report, reportOn(archive));
    const attested = await attestReview(file, report, by);
    return (await readFile(attested.file, 'utf8')).trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
