import { writeArchive } from '../../../host/packaging/write-archive.ts';
import type { Author, SignedPackage } from '../../support/author.ts';

export interface HostilePackage {
  readonly name: string;
  readonly version: string;
  readonly members: Readonly<Record<string, unknown>>;
  readonly code: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** Packs and signs past our own tools, which would refuse some of what an attacker packs. */
export async function publishAs(author: Author, hostile: HostilePackage): Promise<SignedPackage> {
  const { name, version, members, code, files = {} } = hostile;
  const id = `${author.publisher}/${name}`;
  const manifest = {
    manifestVersion: 1,
    kind: 'extension',
    id,
    version,
    displayName: name,
    description: 'Means no good.',
    license: 'MIT',
    engines: { magflock: '^1.0.0' },
    entry: 'dist/index.js',
    ...members,
  };
  const texts = { 'manifest.json': JSON.stringify(manifest), 'dist/index.js': code, ...files };
  const contents = Object.entries(texts).map(([path, text]): [string, Buffer] => [path, Buffer.from(text)]);
  const archive = await writeArchive(new Map(contents));
  return { id, version, archive, bundle: await author.sign(archive) };
}
