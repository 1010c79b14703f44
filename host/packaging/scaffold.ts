import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { makeFolder } from '../../kernel/make-folder.ts';
import { isExtensionId } from '../../manifests/manifest/parse.ts';
import { buildSdkPackage, type SdkPackage } from '../build/sdk-package.ts';
import { TYPES_FILE, writeDeclaredTypes } from './declared-types.ts';
import { namingOf } from './templates/naming.ts';
import { TEMPLATES, type Template, templateFiles } from './templates/template.ts';

interface ScaffoldRequest {
  readonly id: string;
  readonly dir: string;
  readonly template?: string;
}

/**
 * Starts a new extension in a folder that is absent or empty. All files appear at once or none.
 * @returns the folder, absolute, and the paths of the files in it
 * @throws `E_BAD_REQUEST`
 */
export async function scaffoldExtension(request: ScaffoldRequest): Promise<{ dir: string; files: string[] }> {
  const { id } = request;
  if (!isExtensionId(id)) {
    throw new MagError('E_BAD_REQUEST', `${JSON.stringify(id)} is not an id such as acme/hello.`);
  }
  const template = findTemplate(request.template ?? 'endpoint');
  const dir = resolve(request.dir);
  await refuseNonEmpty(dir);
  const sdk = await buildSdkPackage();
  const tarball = `vendor/${basename(sdk.tarball)}`;
  const texts = templateFiles(template, namingOf(id), tarball);
  const files = new Map<string, string | Uint8Array>([...texts, [tarball, await readFile(sdk.tarball)]]);
  await writeAll(dir, new Map([...files, ...(await installed(sdk))]));
  await writeDeclaredTypes(dir, async () => null);
  return { dir, files: [...files.keys(), TYPES_FILE] };
}

/** The SDK as `npm install` would put it: an editor knows its types at once, and without a network. */
async function installed({ name, dir }: SdkPackage): Promise<[string, Uint8Array][]> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  return Promise.all(
    files.map(async (file) => {
      const path = join(file.parentPath, file.name);
      return [join('node_modules', name, relative(dir, path)), await readFile(path)] as [string, Uint8Array];
    }),
  );
}

export function isTemplate(name: string): name is Template {
  return TEMPLATES.some((known) => known === name);
}

function findTemplate(name: string): Template {
  if (isTemplate(name)) return name;
  throw new MagError('E_BAD_REQUEST', `There is no template ${name}; there are ${TEMPLATES.join(', ')}.`);
}

async function refuseNonEmpty(dir: string): Promise<void> {
  const found = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new MagError('E_BAD_REQUEST', `${dir} is not a folder that can be read.`, { cause: error });
  });
  if (found.length > 0) throw new MagError('E_BAD_REQUEST', `${dir} is not empty.`);
}

/** Writes beside the folder and moves into its place: renaming onto an empty folder replaces it. */
async function writeAll(dir: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  const staging = join(dirname(dir), `.${basename(dir)}-${randomUUID()}`);
  try {
    await makeFolder(staging);
    for (const [name, content] of files) {
      const file = join(staging, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await rename(staging, dir);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw new MagError('E_BAD_REQUEST', `${dir} cannot be written.`, { cause: error });
  }
}
