import type { MaguiHooks } from '../../../adapters/magui/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { Contributed } from '../../../kernel/hooks/hook-point.ts';
import type { ExtensionId, FrameContribution } from '../../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { RoleBook } from '../magauth/role-book.ts';
import type { ConsoleHooks } from '../magds/parts.ts';
import { type FrameFile, FrameFiles, type PackageSource } from './frame-files.ts';

/** Where the console shows it. */
export type FrameKind = 'widgets' | 'panels' | 'explorers';

/** What a console needs to show a frame. */
export interface FrameView extends Pick<FrameContribution, 'name' | 'title' | 'description'> {
  readonly extension: ExtensionId;
  /** Path on this host; it changes with the package, so a browser may keep what it found there. */
  readonly src: string;
}

/** What extensions add to the console. */
export interface Magui {
  /** What somebody with these roles may see, in the order of the extensions. */
  frames(roles: readonly string[]): Promise<Readonly<Record<FrameKind, readonly FrameView[]>>>;
  /** A file below `ui/` of the package with this digest, while the extension runs and has frames; else `null`. */
  file(id: ExtensionId, digest: string, path: string): Promise<FrameFile | null>;
  /** @throws `E_NOT_FOUND` when there is no such frame, `E_FORBIDDEN` when it is not for this one */
  require(id: ExtensionId, frame: string, request: RequestContext): Promise<void>;
  /** Tells extensions that somebody did something in a frame. */
  acted(id: ExtensionId, frame: string, action: string, request: RequestContext): void;
}

/** How extensions learn of what is done to projects. */
export function consoleHooks(hooks: () => MaguiHooks): ConsoleHooks {
  return {
    beforeProject: (project, { request }) => hooks().beforeProjectCreate.ask(project, { request }),
    schemaChanged: (change, { request }) => hooks().afterSchemaChange.tell(change, { request }),
  };
}

export function createMagui(hooks: MaguiHooks, source: PackageSource, book: Pick<RoleBook, 'may'>): Magui {
  const files = new FrameFiles(source);
  const points = { widgets: hooks.widgets, panels: hooks.panels, explorers: hooks.explorers };
  const all = () => Object.values(points).flatMap((point) => point.list());
  const rolesOf = ({ membership }: RequestContext) => membership?.roles ?? [];

  async function viewOf(
    { extension, value }: Contributed<FrameContribution>,
    roles: readonly string[],
  ): Promise<FrameView[]> {
    if (!(await book.may(extension, roles, value.auth))) return [];
    const digest = await source.digestOf(extension);
    if (digest === null) return []; // it went while this was asked for
    const { name, title, description, page } = value;
    return [{ extension, name, title, description, src: `/ui/x/${extension}/${digest}/${page}` }];
  }

  async function listOf(kind: FrameKind, roles: readonly string[]): Promise<FrameView[]> {
    const views = points[kind].list().map((contributed) => viewOf(contributed, roles));
    return (await Promise.all(views)).flat();
  }

  return {
    frames: async (roles) => ({
      widgets: await listOf('widgets', roles),
      panels: await listOf('panels', roles),
      explorers: await listOf('explorers', roles),
    }),
    async file(id, digest, path) {
      if (!all().some(({ extension }) => extension === id)) return null;
      return files.find(id, digest, path);
    },
    async require(id, frame, request) {
      const found = all().find(({ extension, value }) => extension === id && value.name === frame);
      if (found === undefined) throw new MagError('E_NOT_FOUND', `${id} has no frame ${frame} here.`);
      if (await book.may(id, rolesOf(request), found.value.auth)) return;
      throw new MagError('E_FORBIDDEN', `The frame asks for the role ${found.value.auth}.`);
    },
    acted(extension, frame, action, request) {
      const { principal, tenantId } = request;
      const value = { extension, frame, action, principal: principal?.id ?? '', tenant: tenantId };
      hooks.onUserAction.tell(value, { request });
    },
  };
}
