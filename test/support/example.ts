import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packExtension } from '../../host/packaging/index.ts';
import { ROOT_DIR } from '../../host/paths.ts';
import type { Author, SignedPackage } from './author.ts';
import type { TestHost } from './host.ts';

/** An extension of `extensions/examples`, packed and signed. Its publisher is `example`. */
export async function publishExample(name: string, author: Author, host: TestHost): Promise<SignedPackage> {
  const dir = join(host.dataDir, name); // packing writes into it
  await cp(join(ROOT_DIR, 'extensions/examples', name), dir, { recursive: true });
  const { file } = await packExtension(dir);
  const archive = await readFile(file);
  return { id: `example/${name}`, version: '1.0.0', archive, bundle: await author.sign(archive) };
}
