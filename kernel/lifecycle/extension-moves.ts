import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Principal } from '../operator.ts';
import type { ExtensionRecord, Operation, OperationKind, RecordContent } from '../ports.ts';
import type { Node } from '../registry/dependencies.ts';
import type { Reason } from './announce.ts';
import { disableSteps } from './disable-steps.ts';
import { enabledStep, enableSteps } from './enable-steps.ts';
import { type InstallInput, installSteps } from './install-steps.ts';
import { requireMove } from './moves.ts';
import type { Parts } from './parts.ts';
import type { Phases, Step } from './steps.ts';
import type { SwitchInput } from './switch-input.ts';
import { completeSwitch, switchPhases } from './switch-steps.ts';
import { NO_PEERS, type Peers } from './target-version.ts';
import { type UninstallInput, uninstallSteps } from './uninstall-steps.ts';

/**
 * What an operation does with one extension, which it was asked for by itself or which is a member of a bundle.
 * `before`: its record, to come back to.
 */
export type ExtensionMove =
  | { readonly move: 'install'; readonly before: RecordContent; readonly input: InstallInput }
  | { readonly move: 'enable'; readonly before: RecordContent }
  | { readonly move: 'switch'; readonly before: RecordContent; readonly input: SwitchInput }
  /** `reason`: why the host does it, whatever needs the extension. Absent: an operator does. */
  | { readonly move: 'disable'; readonly before: RecordContent; readonly reason?: Reason }
  | { readonly move: 'uninstall'; readonly before: RecordContent; readonly input: UninstallInput };

/** @throws `E_NOT_FOUND` when it is not even staged */
export async function installMove(
  { id, version, digest }: Pick<InstallInput, 'id' | 'version' | 'digest'>,
  approve: readonly string[] | 'all',
  config: JsonObject,
  by: Principal,
  { stores, data }: Parts,
): Promise<ExtensionMove & { move: 'install' }> {
  const before = await stores.extensions.get(id);
  if (before === null) throw new MagError('E_NOT_FOUND', `${id} is not known here`);
  const hadData = await data.exists(id);
  return {
    move: 'install',
    before,
    input: { id, version, digest, approve, config, principal: by.id, hadData },
  };
}

/** From the version on record, with the grants there are. @throws `E_STATE` when it cannot be switched as it is */
export async function switchMove(
  kind: SwitchInput['kind'],
  before: ExtensionRecord,
  { version, digest, approve, force }: Pick<SwitchInput, 'version' | 'digest' | 'approve' | 'force'>,
  by: Principal,
  { stores }: Parts,
): Promise<ExtensionMove> {
  requireMove(kind, before);
  const { id } = before;
  const from = { version: before.version, digest: before.digest };
  const grants = await stores.grants.list(id);
  const grantsBefore = grants.map(({ capability, scope }) => ({ capability, scope }));
  const input = { id, kind, from, version, digest, approve, principal: by.id, force, grantsBefore };
  return { move: 'switch', before, input };
}

/** @param purge whether its data goes too */
export function uninstallMove(before: RecordContent, purge: boolean): ExtensionMove {
  return { move: 'uninstall', before, input: { id: before.id, digest: before.digest, purge } };
}

/** What the operation that does just this is called, and the version it is about. */
export function endOf(move: ExtensionMove): { kind: OperationKind; version: string } {
  if (move.move === 'install') return { kind: 'install', version: move.input.version };
  if (move.move === 'switch') return { kind: move.input.kind, version: move.input.version };
  return { kind: move.move, version: move.before.version };
}

/** What the operation that does just this is journaled with: enough to undo or complete it after a crash. */
export function inputOf(move: ExtensionMove): JsonObject {
  const { version } = endOf(move);
  if (move.move === 'enable') return { version };
  if (move.move === 'disable') return { version, ...(move.reason && { reason: { ...move.reason } }) };
  return { ...(move.input as unknown as JsonObject), version };
}

/** What such an operation does. @param before the record as it was left */
export function moveOf({ kind, input: journaled }: Operation, before: RecordContent): ExtensionMove {
  const input = journaled as unknown as InstallInput & SwitchInput & UninstallInput & { reason?: Reason };
  switch (kind) {
    case 'enable':
      return { move: kind, before };
    case 'disable':
      return { move: kind, before, ...(input.reason && { reason: input.reason }) };
    case 'upgrade':
    case 'rollback':
      return { move: 'switch', before, input };
    default:
      return { move: kind, before, input };
  }
}

/** @param peers what else is moved by the same operation */
export function phasesOf(move: ExtensionMove, parts: Parts, peers: Peers = NO_PEERS): Phases {
  const none: Phases = { prepare: [], commit: [], contract: [], retire: [] };
  const { before } = move;
  switch (move.move) {
    case 'install':
      return { ...none, prepare: installSteps(move.input, before, parts, peers) };
    case 'enable':
      return { ...none, prepare: [...enableSteps(before, parts), enabledStep(before, parts)] };
    case 'switch':
      return switchPhases(move.input, before, parts, peers);
    case 'disable':
      return { ...none, retire: disableSteps(before.id, parts, move.reason ?? null) };
    case 'uninstall':
      return { ...none, retire: uninstallSteps(move.input, parts) };
  }
}

export function stepsOf(move: ExtensionMove, parts: Parts): Step[] {
  const { prepare, commit, contract, retire } = phasesOf(move, parts);
  return [...prepare, ...commit, ...contract, ...retire];
}

/** Whether a move that adds is on record, by the record of its extension as it is now. */
export function isRecorded(move: ExtensionMove, now: RecordContent): boolean {
  if (move.move === 'switch') return now.digest === move.input.digest;
  return now.state === (move.move === 'install' ? 'installed' : 'enabled');
}

/** Does what follows from the record of a move that was cut off after it was written. Idempotent. */
export async function completeMove(move: ExtensionMove, parts: Parts): Promise<void> {
  if (move.move === 'switch') await completeSwitch(move.input, parts);
}

/**
 * The extensions of a plan as they will be, for whoever judges dependencies meanwhile. One that is disabled, for
 * it cannot go on, does not keep the others from moving.
 */
export async function peersOf(
  moves: readonly ExtensionMove[],
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
