import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { ExtensionFiles, Logger } from '../../kernel/ports.ts';
import type { CapabilityName } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { ExtensionFolder } from './extension-folder.ts';
import { decodeContent, encodeContent } from './file-content.ts';
import { type FilePath, isTemp, readPath, TEMP } from './file-path.ts';
import { intoMount, type Mounts } from './mounts.ts';

type FileCall = 'read' | 'write' | 'list' | 'remove' | 'temp';
type Params<Call extends FileCall> = HostCalls[`files.${Call}`]['params'];

/** What each call needs outside the temporary folder. */
const NEEDS: Readonly<Record<FileCall, CapabilityName>> = {
  read: 'filesystem.read',
  list: 'filesystem.read',
  write: 'filesystem.write',
  remove: 'filesystem.write',
  temp: 'filesystem.write',
};
const TEMP_ONLY = 'filesystem.temp_only';
const DEFAULT_PAGE = 100;
const SUFFIX = /^[A-Za-z0-9._-]*$/;

export interface FilesOptions {
  /** Absolute. The folder of an extension is `<rootDir>/<publisher>/<name>`, for the host alone. */
  readonly rootDir: string;
  /** What the operator lends besides. */
  readonly mounts: Mounts;
  readonly logger: Logger;
}

/** The adapter of the folder that each extension has of its own, and of those that it is lent. */
export interface FilesAdapter extends ComponentAdapter {
  readonly component: 'files';
  readonly files: ExtensionFiles;
}

export function createFilesAdapter(options: FilesOptions): FilesAdapter {
  return new FilesOfExtensions(options);
}

class FilesOfExtensions implements FilesAdapter {
  readonly component = 'files';
  readonly files: ExtensionFiles;
  readonly #options: FilesOptions;
  readonly #folders = new Map<ExtensionId, ExtensionFolder>();
  #registrar: HookRegistrar | null = null;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.files = {
      clearTemp: (extension) => this.#io(() => this.#folder(extension).clear('temp')),
      clear: (extension) => this.#io(() => this.#folder(extension).clear('all')),
    };
  }

  /** The catalogue has no hook of this component. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  /** Below `temp/`, who declares `filesystem.temp_only` is asked for that; who does not, for the whole right. */
  demands(
    hook: string,
    params: Json,
    _extension: ExtensionId,
    declared: ReadonlySet<string> = new Set(),
  ): readonly Demand[] {
    const call = callOf(hook);
    const path = call === 'temp' ? [TEMP] : pathOf(params as Params<'list'>);
    const mount = intoMount(path);
    if (mount !== null) return [{ capability: NEEDS[call], resource: { mounts: mount.name } }];
    const inTemp = isTemp(path) && declared.has(TEMP_ONLY);
    return [{ capability: inTemp ? TEMP_ONLY : NEEDS[call] }];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const call = callOf(hook);
    if (call === 'temp') return { path: tempPath(params as Params<'temp'>) };
    return this.#io(async () => this.#execute(call, caller.extension, params));
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('files', event);
  }

  async #execute(call: Exclude<FileCall, 'temp'>, extension: ExtensionId, params: Json): Promise<Json> {
    // The call table's schema was applied to the parameters of each call.
    const whole = pathOf(params as Params<'list'>);
    const mount = intoMount(whole);
    const isWritten = NEEDS[call] === 'filesystem.write';
    const folder =
      mount === null ? this.#folder(extension) : this.#options.mounts.folder(mount.name, isWritten);
    const path = mount?.path ?? whole;
    if (call === 'write' && whole.length === 1 && isTemp(whole))
      throw new MagError('E_FILE_PATH', `${TEMP} is a folder.`);
    if (call === 'read') return read(folder, path, params as Params<'read'>);
    if (call === 'write') return write(folder, path, params as Params<'write'>);
    if (call === 'list') return list(folder, path, params as Params<'list'>);
    return { removed: await folder.remove(path) };
  }

  /** One object per extension, so that its changes wait for each other. */
  #folder(extension: ExtensionId): ExtensionFolder {
    const known = this.#folders.get(extension);
    if (known !== undefined) return known;
    const [publisher = '', name = ''] = extension.split('/');
    const folder = new ExtensionFolder(join(this.#options.rootDir, publisher, name));
    this.#folders.set(extension, folder);
    return folder;
  }

  /** What the system says names places of the host: it goes into the log, and only its kind to the caller. */
  async #io<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      if (thrown instanceof MagError) throw thrown;
      this.#options.logger.error({ err: thrown }, 'a file of an extension could not be read or written');
      throw new MagError('E_FILE', 'The files of the extension cannot be read or written.', {
        cause: thrown,
      });
    }
  }
}

async function read(folder: ExtensionFolder, path: FilePath, params: Params<'read'>): Promise<Json> {
  const content = await folder.read(path);
  return { content: encodeContent(content, params.encoding ?? 'utf8'), sizeBytes: content.length };
}

async function write(folder: ExtensionFolder, path: FilePath, params: Params<'write'>): Promise<Json> {
  const content = decodeContent(params.content, params.encoding ?? 'utf8');
  await folder.write(path, content);
  return { sizeBytes: content.length };
}

async function list(folder: ExtensionFolder, path: FilePath, params: Params<'list'>): Promise<Json> {
  const { after = '', limit = DEFAULT_PAGE } = params;
  const entries = await folder.list(path, after, limit);
  return { entries: entries.map((entry) => ({ ...entry })) };
}

function tempPath({ suffix = '' }: Params<'temp'>): string {
  const path = `${TEMP}/${randomUUID()}${suffix}`;
  if (!SUFFIX.test(suffix)) throw new MagError('E_FILE_PATH', 'A suffix has letters, digits and ._- only.');
  readPath(path);
  return path;
}

/** Only a list may leave the path out: it is of the folder itself then. */
function pathOf({ path }: { path?: string }): FilePath {
  return path === undefined || path === '' ? [] : readPath(path);
}

function callOf(hook: string): FileCall {
  if (Object.hasOwn(NEEDS, hook)) return hook as FileCall;
  throw new MagError('E_INTERNAL', 'The files component has no such call.');
}
