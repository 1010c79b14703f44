import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import { readEventSchemas } from '../../kernel/trust/contents.ts';
import { readAnyManifest } from '../../kernel/trust/read-manifest.ts';
import { EVENTS } from '../../manifests/catalog/index.ts';
import type { JsonObject } from '../../manifests/json.ts';
import { endpointKey } from '../../manifests/manifest/endpoint-key.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { collectFiles } from './collect-files.ts';

/** Where the types are written, below the folder of an extension. */
export const TYPES_FILE = 'src/magflock.d.ts';

/** The schema of the data of an event type that is neither the host's nor the extension's own. */
export type FindSchema = (type: string) => Promise<JsonObject | null>;

export interface WrittenTypes {
  /** Absolute. */
  readonly file: string;
  readonly published: readonly string[];
  readonly subscribed: readonly string[];
  readonly hooks: readonly string[];
}

/**
 * Writes what the manifest of an extension declares as TypeScript types, with the data of every event it names, so
 * that code which the manifest does not cover does not compile.
 * @throws `E_MANIFEST_INVALID`; `E_NOT_FOUND` for an event type nobody has the schema of
 */
export async function writeDeclaredTypes(dir: string, findSchema: FindSchema): Promise<WrittenTypes> {
  const { manifest, own } = await readFolder(resolve(dir));
  const { hooks, events } = manifest.contributes;
  const schemas = new Map(own);
  for (const type of events.subscribes) {
    schemas.set(type, own.get(type) ?? (await schemaOf(type, findSchema)));
  }
  const file = join(resolve(dir), TYPES_FILE);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await textOf(manifest, schemas));
  return {
    file,
    published: events.publishes.map(({ type }) => type).sort(),
    subscribed: [...events.subscribes].sort(),
    hooks: hooks.map(({ hook }) => hook).sort(),
  };
}

async function readFolder(
  root: string,
): Promise<{ manifest: Manifest; own: ReadonlyMap<string, JsonObject> }> {
  const bytes = await readFile(join(root, 'manifest.json')).catch((cause: unknown) => {
    throw new MagError('E_BAD_REQUEST', `There is no manifest.json in ${root}.`, { cause });
  });
  const manifest = readAnyManifest(bytes);
  if (manifest.kind === 'bundle') throw new MagError('E_BAD_REQUEST', 'a bundle has no code to type');
  return { manifest, own: readEventSchemas(await collectFiles(root), manifest) };
}

async function schemaOf(type: string, findSchema: FindSchema): Promise<JsonObject> {
  if (Object.hasOwn(EVENTS, type)) return EVENTS[type as keyof typeof EVENTS].data as JsonObject;
  const found = await findSchema(type);
  if (found !== null) return found;
  throw new MagError(
    'E_NOT_FOUND',
    `nobody has the schema of ${type}: name the package that publishes it with --package, or ask a host that has it`,
  );
}

async function textOf(manifest: Manifest, schemas: ReadonlyMap<string, JsonObject>): Promise<string> {
  const types = [...schemas].sort(([a], [b]) => (a < b ? -1 : 1));
  const declarations = await Promise.all(types.map(([type, schema]) => declarationOf(type, schema)));
  return [
    '// Written by `mag extension:types` from the manifest and its schemas: what is changed here is lost.',
    "import '@magflock/sdk';\n",
    ...declarations,
    "declare module '@magflock/sdk' {",
    '  interface Declared {',
    ...membersOf(manifest),
    '  }',
    '}\n',
  ].join('\n');
}

/** The members of `Declared` (manifests/sdk/declared.ts). */
function membersOf({ capabilities, contributes, secrets, dependencies }: Manifest): string[] {
  const { endpoints, hooks, events, jobs, channels, commands, formats, exports } = contributes;
  const { ssoProviders, oidcProviders, samlProviders } = contributes;
  const mapping = [...oidcProviders, ...samlProviders].filter(({ map }) => map);
  const names = (kind: string, list: readonly string[]) =>
    `    ${kind}:${list.length === 0 ? ' never' : list.map((name) => `\n      | ${quoted(name)}`).join('')};`;
  const data = (kind: string, list: readonly string[]) =>
    `    ${kind}: {${list.map((type) => `\n      ${quoted(type)}: ${typeNameOf(type)};`).join('')}\n    };`;
  return [
    names('capabilities', capabilities.map(nameOf)),
    names('endpoints', endpoints.map(endpointKey)),
    names(
      'hooks',
      hooks.map(({ hook }) => hook),
    ),
    data('publishes', events.publishes.map(({ type }) => type).sort()),
    data('subscribes', [...events.subscribes].sort()),
    names('jobs', jobs.map(nameOf)),
    names('providers', [...ssoProviders, ...mapping].map(nameOf)),
    names('commands', commands.map(nameOf)),
    names('channels', channels.map(nameOf)),
    names('formats', formats.map(nameOf)),
    names('exports', exports.map(nameOf)),
    names('secrets', secrets.map(nameOf)),
    names('dependencies', Object.keys(dependencies)),
  ];
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll("'", "\\'")}'`;
}

async function declarationOf(type: string, schema: JsonObject): Promise<string> {
  // The name is the type's, whatever title the schema has.
  const { title: _, $id: __, ...untitled } = schema;
  // Loads a whole formatter: only who writes types waits for it.
  const { compile } = await import('json-schema-to-typescript');
  return compile(untitled, typeNameOf(type), {
    bannerComment: `/** The data of \`${type}\`. */`,
    format: false,
    declareExternallyReferenced: false,
  });
}

/** `acme.hello.greeted` is `AcmeHelloGreeted`. */
function typeNameOf(type: string): string {
  const words = type.split(/[^a-zA-Z0-9]+/).filter((word) => word !== '');
  return words
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')
    .replace(/^(?=\d)/, 'T');
}
