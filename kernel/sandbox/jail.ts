import { messageOf } from '../errors.ts';
import { CellGroups } from './cell-groups.ts';
import { type CgroupHome, type Controller, findCgroupHome, type NoCgroup } from './cgroup-home.ts';
import { inheritedDescriptors } from './inherited-descriptors.ts';
import type { JailPlan } from './jail-plan.ts';
import { findJailTools, type JailTools } from './jail-tools.ts';
import { type Probed, probeMachine } from './probe-jail.ts';
import { createUidSource, idsForCells } from './uid.ts';

/** What this machine was found to permit, in words of the system: the host has those for people. */
export interface JailFacts {
  readonly probed: Probed;
  readonly cgroup: CgroupHome | NoCgroup;
  /** Descriptors that a cell must be kept from inheriting; `null`: this system does not tell. */
  readonly inherited: readonly number[] | null;
}

/** What cells are started in. Disposing of it takes its cgroups away, after the last cell. */
export interface Jail extends AsyncDisposable {
  readonly plan: JailPlan;
  readonly facts: JailFacts;
  /** `null` where cells run as the account of the host. */
  nextUid(): number | null;
  /** Descriptors that a cell must be kept from inheriting. */
  readonly inherited: readonly number[];
  /** `null` where this machine lets the host have none. */
  readonly groups: CellGroups | null;
}

export interface JailOptions {
  /** The program of cells. Default: the Node that runs the host. */
  readonly nodePath?: string;
  /** Default: what this machine has. */
  readonly tools?: JailTools;
  /** Controllers without which a cgroup is of no use. Default: memory. */
  readonly controllers?: readonly Controller[];
}

/** Finds out what this machine permits, and changes nothing. Never throws: what does not work is not in the plan. */
export async function probeJail(options: JailOptions = {}): Promise<JailFacts> {
  const [probed, cgroup] = await Promise.all([probe(options), findCgroupHome(options.controllers)]);
  return { probed, cgroup, inherited: inheritedDescriptors() };
}

/** Finds out what this machine permits, and prepares it for cells. Never throws. */
export async function openJail(options: JailOptions = {}): Promise<Jail> {
  const [probed, home] = await Promise.all([probe(options), findCgroupHome(options.controllers)]);
  const opened = await openGroups(home);
  const groups = opened instanceof CellGroups ? opened : null;
  const ids = idsForCells();
  const inherited = inheritedDescriptors();
  const next = ids === null || probed.plan.account === 'host' ? () => null : createUidSource(ids);
  return {
    plan: probed.plan,
    facts: { probed, cgroup: opened instanceof CellGroups ? home : opened, inherited },
    nextUid: next,
    inherited: inherited ?? [],
    groups,
    async [Symbol.asyncDispose]() {
      await groups?.[Symbol.asyncDispose]();
    },
  };
}

/** What this machine permits does not change while the host runs: looked at once for each Node. */
const machines = new Map<string, Promise<Probed>>();

function probe({ tools, nodePath = process.execPath }: JailOptions): Promise<Probed> {
  const look = (found: JailTools) => probeMachine(found, idsForCells()?.first ?? null, nodePath);
  if (tools !== undefined) return look(tools);
  const known = machines.get(nodePath) ?? look(findJailTools());
  machines.set(nodePath, known);
  return known;
}

async function openGroups(home: CgroupHome | NoCgroup): Promise<CellGroups | NoCgroup> {
  if ('reason' in home) return home;
  try {
    return await CellGroups.open(home);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
    return {
      reason: `the system refused a cgroup: ${code}`,
      remedy: 'see cgroup v2 delegation (Delegate=yes)',
    };
  }
}
