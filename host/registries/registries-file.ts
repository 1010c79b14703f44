import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { makeFolder } from '../../kernel/make-folder.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';
import { PACKAGES_DIR } from '../paths.ts';

const FILE = 'registries.json';
const MAX_REGISTRIES = 20;

/** A place where packages are looked for by their ids. */
export interface Registry {
  readonly name: string;
  /** An absolute folder, or an address. */
  readonly location: string;
  /** The address may be of http, on this machine. */
  readonly allowHttp?: true;
}

/** What is built from this checkout: always there, and asked first. */
export const CHECKOUT: Registry = { name: 'checkout', location: PACKAGES_DIR };

export const registryName = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,38}$' } as const;
const isFile = new SchemaCompiler({ strict: true }).later<{ registries: Registry[] }>({
  type: 'object',
  additionalProperties: false,
  required: ['registries'],
  properties: {
    registries: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'location'],
        properties: { name: registryName, location: { type: 'string' }, allowHttp: { const: true } },
      },
    },
  },
});

/** The registries of a host, in the order they are asked. @throws `E_CONFIG` */
export async function readRegistries(dataDir: string): Promise<Registry[]> {
  const json = await readJson(dataDir);
  if (json === null) return [CHECKOUT];
  if (!isFile(json)) throw new MagError('E_CONFIG', `${FILE} is not as this host writes it`);
  return [CHECKOUT, ...json.registries.map((registry) => checked(registry, 'E_CONFIG'))];
}

/** @throws `E_BAD_REQUEST` for a location that is none, `E_EXISTS`, `E_CONFIG` */
export async function addRegistry(dataDir: string, registry: Registry): Promise<Registry> {
  const added = checked(registry, 'E_BAD_REQUEST');
  await edit(dataDir, (before) => {
    if (before.some(({ name }) => name === added.name))
      throw new MagError('E_EXISTS', `there is a registry ${added.name} already`);
    if (before.length > MAX_REGISTRIES)
      throw new MagError(
        'E_BAD_REQUEST',
        `there are ${MAX_REGISTRIES} registries, which is as many as may be`,
      );
    return [...before, added];
  });
  return added;
}

/** @throws `E_NOT_FOUND`; `E_BAD_REQUEST` for the one that is always there */
export async function removeRegistry(dataDir: string, name: string): Promise<void> {
  if (name === CHECKOUT.name) throw new MagError('E_BAD_REQUEST', `${name} is part of the host`);
  await edit(dataDir, (before) => {
    if (!before.some((registry) => registry.name === name))
      throw new MagError('E_NOT_FOUND', `there is no registry ${name}`);
    return before.filter((registry) => registry.name !== name);
  });
}

/** One edit at a time in this process: two at once would lose the first. */
let lastEdit: Promise<unknown> = Promise.resolve();

function edit(dataDir: string, change: (before: Registry[]) => Registry[]): Promise<void> {
  const result = lastEdit.then(async () => write(dataDir, change(await readRegistries(dataDir))));
  lastEdit = result.catch(() => undefined);
  return result;
}

async function write(dataDir: string, all: readonly Registry[]): Promise<void> {
  const registries = all.filter(({ name }) => name !== CHECKOUT.name);
  const temporary = join(dataDir, `${FILE}.${randomUUID()}`);
  await makeFolder(dataDir);
  try {
    await writeFile(temporary, `${JSON.stringify({ registries }, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(temporary, join(dataDir, FILE));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new MagError('E_CONFIG', `${FILE} cannot be written`, { cause });
  }
}

async function readJson(dataDir: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(dataDir, FILE), 'utf8'));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new MagError('E_CONFIG', `${FILE} cannot be read, or is not JSON`, { cause });
  }
}

/** With its location in one spelling. */
function checked(registry: Registry, code: 'E_BAD_REQUEST' | 'E_CONFIG'): Registry {
  const { name, location } = registry;
  const wrong = (problem: string) => new MagError(code, `the location of the registry ${name} ${problem}`);
  if (isAbsolute(location)) return { ...registry, location: resolve(location) };
  if (!URL.canParse(location)) throw wrong('is neither an absolute folder nor an address');
  const url = new URL(location);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw wrong('holds a name, a password, a query or a fragment');
  if (url.protocol === 'http:') {
    if (!isLoopback(url.hostname)) throw wrong('is of http, which anybody on the way can change: use https');
    if (registry.allowHttp !== true) throw wrong('is of http: say so with allowHttp (--allow-http)');
  } else if (url.protocol !== 'https:') throw wrong('is no address of https');
  return { ...registry, location: url.href };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
