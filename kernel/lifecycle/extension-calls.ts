import type { Json } from '../../manifests/json.ts';
import type { ExportContribution, ExtensionId } from '../../manifests/manifest/manifest.ts';
import { isExtensionId } from '../../manifests/manifest/parse.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import type { Repeats } from '../audit/repeats.ts';
import { MagError } from '../errors.ts';
import { reasonOf } from '../hooks/veto.ts';
import type { Caller } from '../ports.ts';
import { budget } from './guest.ts';
import type { Parts } from './parts.ts';
import type { Running } from './running-extensions.ts';

type Call = HostCalls['extensions.call'];

export interface ExtensionCallOptions extends Pick<Parts, 'quarantined' | 'running'> {
  readonly audit: Repeats;
  /** Why an extension nobody runs cannot be called. */
  readonly whyNot: (id: ExtensionId) => Promise<'E_NOT_FOUND' | 'E_NOT_ENABLED' | 'E_QUARANTINED'>;
}

/**
 * Calls from one extension into another: the caller's manifest names the other as a dependency, the other's
 * exports the method to it. What is called acts with its own rights, for the request of its caller.
 */
export class ExtensionCalls {
  readonly #options: ExtensionCallOptions;

  constructor(options: ExtensionCallOptions) {
    this.#options = options;
  }

  /** @throws `E_DEPENDENCY`, `E_EXPORT`, `E_NOT_ENABLED`, `E_QUARANTINED`, `E_CALLEE` */
  async call(caller: Caller, { extension, method, params = null }: Call['params']): Promise<Call['result']> {
    const id = dependencyOf(caller, extension);
    const callee = this.#options.running.get(id);
    if (callee === undefined) throw await this.#absent(id);
    requireExport(callee, method, caller.extension);
    const chain = [...caller.chain, caller.extension];
    await this.#record(caller, [...chain, id], method);
    try {
      return { value: await this.#invoke(callee, method, params, caller, chain) };
    } catch (failure) {
      await this.#options.quarantined(id); // whoever learns of it finds it on record
      const reason = reasonOf(failure);
      if (reason !== null) return { thrown: reason };
      throw calleeFailed(id, method, failure);
    }
  }

  #invoke(
    { process, manifest }: Running,
    method: string,
    params: Json,
    { request, signal }: Caller,
    chain: readonly ExtensionId[],
  ): Promise<Json> {
    const options = { request, signal, chain, ...budget(manifest) };
    return process.invoke({ kind: 'export', name: method }, params, options);
  }

  async #absent(id: ExtensionId): Promise<MagError> {
    const code = await this.#options.whyNot(id);
    return new MagError(code === 'E_QUARANTINED' ? code : 'E_NOT_ENABLED', `${id} does not run`);
  }

  #record({ extension, request }: Caller, chain: readonly ExtensionId[], method: string): Promise<void> {
    return this.#options.audit.record(`${chain} ${method}`, {
      principal: `extension:${extension}`,
      tenant: request?.tenantId ?? 't_system',
      action: 'extension.called',
      target: `${chain.at(-1)}.${method}`,
      outcome: 'ok',
      detail: { chain: [...chain] },
    });
  }
}

function dependencyOf({ manifest }: Caller, id: string): ExtensionId {
  if (isExtensionId(id) && Object.hasOwn(manifest.dependencies, id)) return id;
  const shown = isExtensionId(id) ? id : 'what it called';
  throw new MagError('E_DEPENDENCY', `the manifest of ${manifest.id} does not name ${shown} as a dependency`);
}

/** The export is the consent of the callee. */
function requireExport({ manifest }: Running, method: string, caller: ExtensionId): void {
  const exported = manifest.contributes.exports.find(({ name }) => name === method);
  if (exported !== undefined && isFor(exported, caller)) return;
  throw new MagError('E_EXPORT', `${manifest.id} exports no such method to ${caller}`);
}

function isFor({ to }: ExportContribution, caller: ExtensionId): boolean {
  return to === undefined || to.includes(caller) || to.includes(`${publisherOf(caller)}/*`);
}

/** Its words, limits and rights are its own matter; who called learns that it failed, and with which code. */
function calleeFailed(extension: ExtensionId, method: string, cause: unknown): MagError {
  const code = cause instanceof MagError ? cause.code : 'E_EXTENSION';
  const blame = { extension, call: method };
  return new MagError('E_CALLEE', `${extension} failed in ${method} (${code})`, { cause, blame });
}
