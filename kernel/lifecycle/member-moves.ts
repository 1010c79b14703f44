import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Principal } from '../operator.ts';
import type { ExtensionRecord, OperationKind } from '../ports.ts';
import type { Node } from '../registry/dependencies.ts';
import type { Choice } from './bundle-members.ts';
import type { InstallInput } from './install-steps.ts';
import { move } from './moves.ts';
import type { Parts } from './parts.ts';
import { type RecordBefore, recordBefore } from './record-before.ts';
import { type SwitchInput, switchInput } from './switch-input.ts';
import { highest } from './target-version.ts';
import type { UninstallInput } from './uninstall-steps.ts';

/** What an operation on a bundle does with one extension. `before`: its record, to come back to. */
export type MemberMove =
  | { readonly move: 'install'; readonly before: RecordBefore; readonly input: InstallInput }
  | { readonly move: 'switch'; readonly before: RecordBefore; readonly input: SwitchInput }
  | { readonly move: 'enable'; readonly before: RecordBefore }
  | { readonly move: 'disable'; readonly before: RecordBefore }
  | { readonly move: 'uninstall'; readonly before: RecordBefore; readonly input: UninstallInput };

/** @throws `E_NOT_FOUND` when it is not even staged */
export async function installMove(
  { id, version, digest }: Choice,
  approve: readonly string[] | 'all',
  config: JsonObject,
  by: Principal,
  { stores, data }: Parts,
): Promise<MemberMove & { move: 'install' }> {
  const before = await stores.extensions.get(id);
  if (before === null) throw new MagError('E_NOT_FOUND', `${id} is not known here`);
  const hadData = await data.exists(id);
  return {
    move: 'install',
    before: recordBefore(before),
    input: { id, version, digest, approve, config, principal: by.id, hadData },
  };
}

/** The one behind an install: its record is what that will have made it. */
export function enableInstalled({ input, before }: MemberMove & { move: 'install' }): MemberMove {
  const { id, version, digest, config } = input;
  const highestVersion = highest(before.highestVersion, version);
  return {
    move: 'enable',
    before: { id, state: 'installed', version, digest, highestVersion, config, reason: null },
  };
}

/** @throws `E_STATE` when it cannot be switched as it is */
export async function switchMove(
  kind: SwitchInput['kind'],
  now: ExtensionRecord,
  { version, digest, approve, force }: Pick<SwitchInput, 'version' | 'digest' | 'approve' | 'force'>,
  by: Principal,
  { stores }: Parts,
): Promise<MemberMove> {
  requireMove(kind, now);
  const input = await switchInput(kind, now, { version, digest, approve, force }, by, stores);
  return { move: 'switch', before: recordBefore(now), input };
}

/** @throws `E_STATE` that names the extension */
export function requireMove(kind: OperationKind, { id, state }: ExtensionRecord): void {
  try {
    move(kind, state);
  } catch (cause) {
    throw new MagError('E_STATE', `${id} is ${state}: it cannot take part in this ${kind}`, { cause });
  }
}

/**
 * The extensions of a plan as they will be, for whoever judges dependencies meanwhile. One that is disabled, for
 * it cannot go on, does not keep the others from moving.
 */
export async function peersOf(
  moves: readonly MemberMove[],
  { registry }: Pick<Parts, 'registry'>,
): Promise<Map<ExtensionId, Node>> {
  const peers = new Map<ExtensionId, Node>();
  for (const planned of moves) {
    const { id, version } = planned.before;
    if (planned.move === 'disable') peers.set(id, { id, version, dependencies: {} });
    if (planned.move !== 'install' && planned.move !== 'switch') continue;
    peers.set(id, await registry.manifest(planned.input.digest));
  }
  return peers;
}
