import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, messageOf } from '../errors.ts';
import type { OperationKind } from '../ports.ts';
import { disableSteps } from './disable-steps.ts';
import { enableSteps } from './enable-steps.ts';
import { type InstallInput, installSteps, NO_PEERS } from './install-steps.ts';
import type { MemberMove } from './member-moves.ts';
import type { Parts } from './parts.ts';
import type { RecordBefore } from './record-before.ts';
import type { Step } from './steps.ts';
import { type SwitchPhases, switchPhases } from './switch-steps.ts';
import { removePackages, uninstallSteps } from './uninstall-steps.ts';

/** What an operation on a bundle was asked to do, as it is journaled: enough to undo or complete it. */
export interface BundleInput {
  readonly id: ExtensionId;
  readonly kind: OperationKind;
  readonly version: string;
  readonly digest: string;
  readonly principal: string;
  /** As they were asked for: a retry asks for the same. */
  readonly approve?: readonly string[] | 'all';
  readonly config?: JsonObject;
  readonly purge?: boolean;
  readonly force?: boolean;
  readonly plan: BundlePlan;
}

/** What is done with a bundle and its members. */
export interface BundlePlan {
  /** The record of the bundle. */
  readonly before: RecordBefore;
  readonly after: RecordBefore;
  /** Dependencies first; the other way round for what takes away. */
  readonly moves: readonly MemberMove[];
  /** What is said of the members that are not moved. */
  readonly note: string;
}

/**
 * The steps of one operation on a bundle: those of its members, named after them. When one fails, all are
 * undone. The versions of all members are started and checked before the first one is switched, and no old one
 * ends before all are.
 */
export function bundleSteps(input: BundleInput, parts: Parts, peers = NO_PEERS): Step[] {
  const { moves } = input.plan;
  if (input.kind === 'disable' || input.kind === 'uninstall')
    return [...moves.flatMap((move) => takingAway(move, parts)), recordStep(input, parts)];
  const phases = moves.map((move) => phasesOf(input, move, parts, peers));
  return [
    { name: 'verify signature', run: () => verify(input, parts) },
    ...phases.flatMap(({ prepare }) => prepare),
    ...phases.flatMap(({ commit }) => commit),
    recordStep(input, parts),
    ...phases.flatMap(({ contract }) => contract),
    ...phases.flatMap(({ retire }) => retire),
  ];
}

/** Everything an operation holds: the bundle, its members and what is moved with them. */
export function holdsOf({ id, plan }: BundleInput, members: Iterable<ExtensionId>): ExtensionId[] {
  return [...new Set([id, ...members, ...plan.moves.map(({ before }) => before.id)])];
}

/** The lock is held now: what was planned must still be what is there. */
async function verify({ digest, plan }: BundleInput, { registry, stores }: Parts): Promise<void> {
  await registry.verifiedBundle(digest);
  for (const { move, before } of plan.moves) {
    if (move === 'enable' && isAlsoInstalled(plan.moves, before.id)) continue;
    const now = await stores.extensions.get(before.id);
    if (now?.state === before.state && now.digest === before.digest) continue;
    throw new MagError('E_STATE', `${before.id} was moved by somebody else meanwhile`);
  }
}

function isAlsoInstalled(moves: readonly MemberMove[], id: ExtensionId): boolean {
  return moves.some(({ move, before }) => move === 'install' && before.id === id);
}

function phasesOf(
  { kind }: BundleInput,
  move: MemberMove,
  parts: Parts,
  peers: typeof NO_PEERS,
): SwitchPhases {
  const none = { prepare: [], commit: [], contract: [], retire: [] };
  const { before } = move;
  const of = (steps: readonly Step[]) => named(before.id, steps);
  switch (move.move) {
    case 'install':
      return { ...none, prepare: of(installing(move.input, before, parts, peers)) };
    case 'switch': {
      const { prepare, commit, contract, retire } = switchPhases(move.input, before, parts, peers);
      const phases = { prepare: of(prepare), commit: of(commit), contract: of(contract) };
      return { ...phases, retire: of(retire.map(neverFailing)) };
    }
    case 'enable': {
      // Where it is installed by the same operation, its steps have the same names otherwise.
      const prefix = kind === 'enable' ? before.id : (`${before.id}: enable` as ExtensionId);
      return { ...none, prepare: named(prefix, enabling(before, parts)) };
    }
    case 'disable': // what leaves the bundle: its record says so with the one of the bundle
      return { ...none, retire: of(disableSteps(before.id, parts).slice(0, 2).map(neverFailing)) };
    default:
      return none;
  }
}

function named(prefix: string, steps: readonly Step[]): Step[] {
  return steps.map((step) => ({ ...step, name: `${prefix}: ${step.name}` }));
}

function takingAway(move: MemberMove, parts: Parts): Step[] {
  const { id } = move.before;
  if (move.move === 'disable') return named(id, disableSteps(id, parts));
  if (move.move === 'uninstall') return named(id, uninstallSteps(move.input, parts));
  return [];
}

function installing(input: InstallInput, before: RecordBefore, parts: Parts, peers: typeof NO_PEERS): Step[] {
  // Alone, the record is the last step; here others may fail after it.
  const undo = () => parts.stores.extensions.put(before);
  return installSteps(input, parts, peers).map((step) => (step.name === 'record' ? { ...step, undo } : step));
}

function enabling(before: RecordBefore, parts: Parts): Step[] {
  const { id } = before;
  const { stores, quarantined } = parts;
  const isQuarantined = async () => {
    await quarantined(id);
    return (await stores.extensions.get(id))?.state === 'quarantined';
  };
  return [
    ...enableSteps(before, parts),
    {
      name: 'record',
      run: async () => {
        if (await isQuarantined()) throw new MagError('E_QUARANTINED', `${id} was quarantined`);
        await stores.extensions.put({ ...before, state: 'enabled', reason: null });
      },
      undo: async () => {
        if (!(await isQuarantined())) await stores.extensions.put(before); // quarantine outranks it
        await parts.running.stop(id);
      },
    },
  ];
}

/** What is left of the old version changes nothing: all members are switched by now. */
function neverFailing(step: Step): Step {
  return { ...step, final: true, run: () => step.run().catch((failure: unknown) => messageOf(failure)) };
}

function recordStep(input: BundleInput, parts: Parts): Step {
  const { before, after, note } = input.plan;
  const { extensions } = parts.stores;
  return {
    name: 'record',
    run: async () => {
      await extensions.put(after);
      await completeRecord(input, parts);
      return note === '' ? undefined : note;
    },
    undo: async () => {
      for (const leaver of leaversOf(input)) await extensions.put(leaver.before);
      await extensions.put(before);
      if (before.digest !== after.digest) await extensions.forget(before.id, before.version);
    },
  };
}

/** What follows from the record of the bundle that was written. Idempotent. */
export async function completeRecord(input: BundleInput, { stores }: Parts): Promise<void> {
  const { id, kind, plan } = input;
  const { before, after } = plan;
  const { extensions } = stores;
  for (const leaver of leaversOf(input)) await extensions.put({ ...leaver.before, state: 'disabled' });
  if (kind === 'uninstall') {
    await removePackages(id, stores);
  } else if (kind === 'upgrade' || kind === 'rollback') {
    await extensions.keep({ id, version: before.version, digest: before.digest });
    await extensions.forget(id, after.version);
  }
}

/** What runs and cannot go on beside the new version of a bundle that it was a member of. */
function leaversOf({ kind, plan }: BundleInput): MemberMove[] {
  if (kind !== 'upgrade' && kind !== 'rollback') return [];
  return plan.moves.filter(({ move, before }) => move === 'disable' && runs(before));
}

/** Whether it is meant to run. */
export function runs({ state }: Pick<RecordBefore, 'state'>): boolean {
  return state === 'enabled' || state === 'failed';
}
