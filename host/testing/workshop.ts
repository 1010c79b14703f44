import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { readManifest } from '../../kernel/trust/read-manifest.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import { generateKey, packExtension, signPackage } from '../packaging/index.ts';
import { createTrustAdmin } from '../trust/trust-admin.ts';

export interface TrustedPackage {
  readonly manifest: Manifest;
  /** The signature lies beside it. */
  readonly file: string;
}

/** Packs folders and signs them with a key of the moment, which one data folder trusts. */
export interface Workshop {
  /** Absolute. */
  readonly dataDir: string;
  /** @throws `E_PKG_INVALID`, `E_MANIFEST_INVALID`, `E_UNSUPPORTED`, `E_BAD_REQUEST` */
  pack(dir: string): Promise<TrustedPackage>;
}

/** @param folder of the caller's, for the packages, the key and the data folder of the host */
export async function createWorkshop(folder: string): Promise<Workshop> {
  const { privateKey, publicKey } = await generateKey(join(folder, 'dev'));
  const pem = await readFile(publicKey, 'utf8');
  const dataDir = join(folder, 'data');
  const trusted = new Set<string>();
  return {
    dataDir,
    async pack(dir) {
      const manifest = readManifest(await readManifestFile(dir));
      const { file } = await packExtension(dir, join(folder, `${manifest.id.replace('/', '-')}.mag`));
      await signPackage(file, privateKey);
      const publisher = publisherOf(manifest.id);
      if (!trusted.has(publisher))
        await createTrustAdmin(dataDir).trustPublisher({ publisher, publicKey: pem, tier: 'verified' });
      trusted.add(publisher);
      return { manifest, file };
    },
  };
}

async function readManifestFile(dir: string): Promise<Uint8Array> {
  return readFile(join(dir, 'manifest.json')).catch((cause: unknown) => {
    throw new MagError('E_BAD_REQUEST', `There is no manifest.json in ${dir}.`, { cause });
  });
}
