import { limitArguments } from './jail-limits.ts';
import type { JailTools } from './jail-tools.ts';

export type Namespace = 'net' | 'ipc' | 'mount' | 'uts';

/** What the command line of a cell is made of: what the probes found to work on this machine. */
export interface JailPlan {
  readonly tools: JailTools;
  /**
   * Who gives a cell its own account: `setpriv` after the namespaces were made, or `spawn` before anything.
   * `host`: nobody, cells run as the account of the host.
   */
  readonly account: 'setpriv' | 'spawn' | 'host';
  readonly namespaces: readonly Namespace[];
  /** The namespaces are made inside a user namespace: without it they take the rights of root. */
  readonly userNamespace: boolean;
  readonly noNewPrivileges: boolean;
  readonly dropCapabilities: boolean;
  /** The system kills the cell when the host ends, however it ends. */
  readonly diesWithHost: boolean;
  readonly limits: boolean;
}

/** A program with its arguments, and the ids `spawn` gives it. */
export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
  readonly ids: { readonly uid: number; readonly gid: number } | null;
}

export interface Inmate {
  /** What runs in the jail: program and arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Its own user and group id; `null` where the plan says `host`. */
  readonly uid: number | null;
  readonly memoryMb: number;
}

/** A plan without any walls but those that need no tool. */
export function barePlan(tools: JailTools): JailPlan {
  return {
    tools,
    account: 'host',
    namespaces: [],
    userNamespace: false,
    noNewPrivileges: false,
    dropCapabilities: false,
    diesWithHost: false,
    limits: false,
  };
}

/**
 * One chain of programs, each replacing itself by the next: the process that is started is the inmate in the
 * end, so whoever kills that process kills the inmate.
 */
export function commandLine(plan: JailPlan, { argv, uid, memoryMb }: Inmate): CommandLine {
  const ids = plan.account === 'setpriv' && uid !== null ? idArguments(uid) : [];
  const privileges = privilegeArguments(plan);
  const { setpriv, unshare, prlimit } = plan.tools;
  const chain = plan.userNamespace
    ? // A user namespace belongs to who makes it: first the account, and the rest with the rights it gives.
      [...stage(setpriv, ids), ...stage(unshare, namespaceArguments(plan)), ...stage(setpriv, privileges)]
    : // Making namespaces takes the rights of root: they go last.
      [...stage(unshare, namespaceArguments(plan)), ...stage(setpriv, [...ids, ...privileges])];
  const limits = plan.limits ? limitArguments(memoryMb, uid !== null) : [];
  const [program = argv[0], ...args] = [...chain, ...stage(prlimit, limits), ...argv];
  return { program, args, ids: plan.account === 'spawn' && uid !== null ? { uid, gid: uid } : null };
}

/** Nothing to do: no program in the chain. */
function stage(tool: string | null, args: readonly string[]): string[] {
  return tool === null || args.length === 0 ? [] : [tool, ...args, '--'];
}

function idArguments(uid: number): string[] {
  return [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
}

function namespaceArguments({ namespaces, userNamespace, dropCapabilities }: JailPlan): string[] {
  if (namespaces.length === 0) return [];
  // The rights inside the namespace are kept for the next step: emptying the bounding set takes one of them.
  const keep = dropCapabilities ? ['--keep-caps'] : [];
  const user = userNamespace ? ['--user', '--map-current-user', ...keep] : [];
  return [...user, ...namespaces.map((name) => `--${name}`)];
}

function privilegeArguments(plan: JailPlan): string[] {
  return [
    ...(plan.dropCapabilities ? ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] : []),
    ...(plan.noNewPrivileges ? ['--no-new-privs'] : []),
    ...(plan.diesWithHost ? ['--pdeathsig=KILL'] : []),
  ];
}
