import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { isExtensionId } from '../../manifests/manifest/parse.ts';
import { namingOf } from './templates/naming.ts';
import { TEMPLATES, type Template, templateFiles } from './templates/template.ts';

/** Kinds of extension the command line knows (spec 09) and this host does not offer. */
const NOT_OFFERED = ['job', 'command', 'channel', 'panel'];

interface ScaffoldRequest {
  readonly id: string;
  readonly dir: string;
  readonly template?: string;
}

/**
 * Starts a new extension in a folder that is absent or empty. All files appear at once or none.
 * @returns the folder, absolute, and the paths of the files in it
 * @throws `E_BAD_REQUEST`, `E_UNSUPPORTED` for a template this host does not offer
 */
export async function scaffoldExtension(request: ScaffoldRequest): Promise<{ dir: string; files: string[] }> {
  const { id } = request;
  if (!isExtensionId(id)) {
    throw new MagError('E_BAD_REQUEST', `${JSON.stringify(id)} is not an id such as acme/hello.`);
  }
  const files = templateFiles(findTemplate(request.template ?? 'endpoint'), namingOf(id));
  const dir = resolve(request.dir);
  await refuseNonEmpty(dir);
  await writeAll(dir, files);
  return { dir, files: [...files.keys()] };
}

function findTemplate(name: string): Template {
  const template = TEMPLATES.find((known) => known === name);
  if (template) return template;
  if (NOT_OFFERED.includes(name)) {
    throw new MagError('E_UNSUPPORTED', `This host does not offer extensions of the kind ${name} yet.`);
  }
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
async function writeAll(dir: string, files: ReadonlyMap<string, string>): Promise<void> {
  const staging = join(dirname(dir), `.${basename(dir)}-${randomUUID()}`);
  try {
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
