import type { Logger } from '../kernel/ports.ts';
import { isPowerless, type JailFacts, type Namespace, type Step } from '../kernel/sandbox/index.ts';

/** One wall around the cells, as this machine can build it. */
export interface JailLayer {
  /** `network`, `no-new-privileges`; the same on every machine. */
  readonly name: string;
  readonly on: boolean;
  /** What it does, or why it is off. */
  readonly detail: string;
  /** How to get it; `null` when it is on. */
  readonly remedy: string | null;
}

type Probed = JailFacts['probed'];

const INSTALL = 'install util-linux';
const AS_ROOT = 'run the host as root (in a container, with SYS_ADMIN)';
const USER_NAMESPACES =
  'permit user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)';
const OTHER_SYSTEM = 'run production hosts on Linux';

const NAMESPACES: readonly [Namespace, string, string, string][] = [
  ['net', 'network', 'a cell has no network at all', 'a cell that was taken over could open connections'],
  ['ipc', 'ipc', 'shared memory and queues of its own', 'a cell that was taken over sees queues of others'],
  ['mount', 'mounts', 'mounts of its own', 'a cell sees what is mounted later'],
  ['uts', 'hostname', 'a hostname of its own', 'a cell shares the hostname'],
];

/** Every layer, on or off with its reason, in a fixed order, for people and for `GET /v1/host`. Holds no path. */
export function describeJail({ probed, cgroup, inherited }: JailFacts): JailLayer[] {
  return [
    account(probed),
    capabilities(probed),
    tool(probed, 'noNewPrivileges', 'no-new-privileges', 'no program can give a cell more rights'),
    layerOn('environment', 'empty'),
    layerOn('session', 'its own: no terminal, and no signal that is sent to the group of the host'),
    descriptors(inherited),
    ...NAMESPACES.map((row) => namespace(probed, row)),
    tool(probed, 'limits', 'limits', limits(probed)),
    tool(probed, 'diesWithHost', 'dies-with-host', 'the system kills a cell when the host ends'),
    layerOn('permissions', "Node's: no child process, worker or inspector, no file but its own program"),
    layerOn('jitless', 'no machine code made at run time, in cells of the tier community'),
    cgroupLayer(cgroup),
    watchdog(),
  ];
}

/** Says in the log which walls there are not, before any cell is started. */
export function warnOfMissing(layers: readonly JailLayer[], logger: Logger): void {
  const off = layers.filter(({ on }) => !on).map(({ name, detail }) => ({ name, detail }));
  if (off.length > 0) logger.warn({ off }, 'this machine cannot give cells every layer of the jail');
}

function layerOn(name: string, detail: string): JailLayer {
  return { name, on: true, detail, remedy: null };
}

function layerOff(name: string, detail: string, remedy: string): JailLayer {
  return { name, on: false, detail, remedy };
}

function account({ plan, refusals }: Probed): JailLayer {
  if (plan.account !== 'host')
    return layerOn('account', 'every cell has a user id of its own, without groups');
  const shielded = plan.userNamespace ? '; a user namespace shuts it off from the memory of the host' : '';
  const reason = refusals.get('account') ?? 'there are no other user ids here';
  if (process.getuid?.() !== 0) {
    return layerOff(
      'account',
      `not root: cells run as the account of the host, which one that was taken over could end${shielded}`,
      AS_ROOT,
    );
  }
  return layerOff(
    'account',
    `root cannot give cells an account of their own: ${reason}`,
    'give the host user ids (subuid), CAP_SETUID, CAP_SETGID and CAP_KILL, or start it as a user other than root',
  );
}

function capabilities({ plan, became, refusals }: Probed): JailLayer {
  const name = 'capabilities';
  if (became !== null && isPowerless(became)) {
    const bounded = became.capabilities.CapBnd === 0n;
    return layerOn(name, bounded ? 'none' : 'none, and none to gain without new privileges');
  }
  const reason = refusals.get('dropCapabilities') ?? 'they could not be looked at';
  const held = became !== null && became.capabilities.CapEff === 0n && plan.account !== 'host';
  return layerOff(
    name,
    `${held ? 'none in force, but some to gain' : 'not dropped'}: ${reason}`,
    remedyFor('setpriv'),
  );
}

function namespace(
  { plan, refusals }: Probed,
  [key, name, is, without]: (typeof NAMESPACES)[number],
): JailLayer {
  if (plan.namespaces.includes(key)) return layerOn(name, is);
  const reason = refusals.get(key) ?? 'not tried';
  const remedy = process.getuid?.() === 0 ? AS_ROOT : USER_NAMESPACES;
  const missing = plan.tools.unshare === null;
  return layerOff(name, `${without}: ${reason}`, missing ? remedyFor('unshare') : remedy);
}

function tool(
  { plan, refusals }: Probed,
  step: Step & keyof Probed['plan'],
  name: string,
  is: string,
): JailLayer {
  if (plan[step] === true) return layerOn(name, is);
  const program = step === 'limits' ? 'prlimit' : 'setpriv';
  return layerOff(name, refusals.get(step) ?? 'not tried', remedyFor(program));
}

function remedyFor(program: string): string {
  if (process.platform !== 'linux') return OTHER_SYSTEM;
  return `${INSTALL} (${program})`;
}

function descriptors(inherited: readonly number[] | null): JailLayer {
  const name = 'descriptors';
  if (inherited !== null) return layerOn(name, 'one, the channel to the host; standard output leads nowhere');
  const reason = 'a cell may inherit descriptors that were open when the host was started';
  return layerOff(name, reason, process.platform === 'linux' ? 'close them before' : OTHER_SYSTEM);
}

function limits({ plan }: Probed): string {
  const threads = plan.account === 'host' ? '' : ', threads';
  return `writable memory, open files${threads}; no file written, no core dumped`;
}

function cgroupLayer(cgroup: JailFacts['cgroup']): JailLayer {
  if ('reason' in cgroup) return layerOff('cgroup', cgroup.reason, cgroup.remedy);
  return layerOn('cgroup', `the system limits ${cgroup.controllers.join(', ') || 'nothing yet'}`);
}

function watchdog(): JailLayer {
  if (process.platform === 'linux')
    return layerOn('watchdog', 'the host looks at the memory of cells ten times a second');
  return layerOff('watchdog', 'this system does not tell the memory of other processes', OTHER_SYSTEM);
}
