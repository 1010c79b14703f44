import type { JsonObject } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { MagError, messageOf } from '../../errors.ts';
import type { OperationKind, RecordContent } from '../../ports.ts';
import { type ExtensionMove, phasesOf, stepsOf } from '../extension-moves.ts';
import { isTakingAway } from '../moves.ts';
import type { Parts } from '../parts.ts';
import type { Phases, Step } from '../steps.ts';
import { NO_PEERS, type Peers } from '../target-version.ts';
import { removePackages } from '../uninstall-steps.ts';

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
  readonly before: RecordContent;
  readonly after: RecordContent;
  /** Dependencies first; the other way round for what takes away. */
  readonly moves: readonly ExtensionMove[];
  /** What is said of the members that are not moved. */
  readonly note: string;
}

/**
 * The steps of one operation on a bundle: those of its members, named after them. When one fails, all are
 * undone. The versions of all members are started and checked before the first one is switched, and no old one
 * ends before all are.
 */
export function bundleSteps(input: BundleInput, parts: Parts, peers: Peers = NO_PEERS): Step[] {
  const { kind, plan } = input;
  const record = recordStep(input, parts);
  if (isTakingAway(kind))
    return [...plan.moves.flatMap((move) => named(move.before.id, stepsOf(move, parts))), record];
  const phases = plan.moves.map((move) => memberPhases(input, move, phasesOf(move, parts, peers)));
  return [
    { name: 'verify signature', run: () => verify(input, parts) },
    ...phases.flatMap(({ prepare }) => prepare),
    ...phases.flatMap(({ commit }) => commit),
    record,
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

function isAlsoInstalled(moves: readonly ExtensionMove[], id: ExtensionId): boolean {
  return moves.some(({ move, before }) => move === 'install' && before.id === id);
}

/** The steps of a member where they are part of more. */
function memberPhases({ kind }: BundleInput, { move, before }: ExtensionMove, alone: Phases): Phases {
  // Where it is installed by the same operation, its steps have the same names otherwise.
  const prefix = move === 'enable' && kind !== 'enable' ? `${before.id}: enable` : before.id;
  // What leaves the bundle is disabled: its record says so with the one of the bundle.
  const retire = alone.retire.filter(({ name }) => move !== 'disable' || name !== 'record');
  return {
    prepare: named(prefix, alone.prepare),
    commit: named(prefix, alone.commit),
    contract: named(prefix, alone.contract),
    retire: named(prefix, retire.map(neverFailing)),
  };
}

function named(prefix: string, steps: readonly Step[]): Step[] {
  return steps.map((step) => ({ ...step, name: `${prefix}: ${step.name}` }));
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
function leaversOf({ kind, plan }: BundleInput): ExtensionMove[] {
  if (kind !== 'upgrade' && kind !== 'rollback') return [];
  return plan.moves.filter(({ move, before }) => move === 'disable' && runs(before));
}

/** Whether it is meant to run. */
export function runs({ state }: Pick<RecordContent, 'state'>): boolean {
  return state === 'enabled' || state === 'failed';
}
