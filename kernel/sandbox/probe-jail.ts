import { readFile } from 'node:fs/promises';
import { barePlan, type Inmate, type JailPlan, type Namespace } from './jail-plan.ts';
import type { JailTools } from './jail-tools.ts';
import { isPowerless, mayKill, type ProcessStatus, readProcessStatus, runsOnlyAs } from './process-status.ts';
import { type Probe, runProbe } from './run-probe.ts';

/** Why a step was not taken into the plan, by its name. */
export type Refusals = ReadonlyMap<Step, string>;
export type Step = 'account' | Namespace | 'noNewPrivileges' | 'dropCapabilities' | 'diesWithHost' | 'limits';

/** What this machine permits. */
export interface Probed {
  readonly plan: JailPlan;
  readonly refusals: Refusals;
  /** What a process became that was started with the whole plan; `null` where nothing shows it. */
  readonly became: ProcessStatus | null;
}

const NAMESPACES: readonly Namespace[] = ['net', 'ipc', 'mount', 'uts'];
/** The real program of a cell: another one would not show that it can live with so little. */
const SMALLEST = ['--no-node-snapshot', '--eval', '0'] as const;
const PROBE_MEMORY_MB = 64;

/**
 * Finds the strongest jail. Most machines permit everything, which two programs show; where something is
 * refused it is built up: each step is tried on top of those that worked, with a program that shows what it
 * became, so the plan that comes out has run as a whole either way.
 * @param uid an account of a cell's own; `null` where there are none
 * @param node the program of cells
 */
export async function probeMachine(tools: JailTools, uid: number | null, node: string): Promise<Probed> {
  const prober = new Prober(tools, uid);
  const whole = await prober.everything(node);
  if (whole !== null) return whole;
  await prober.account();
  await prober.namespaces();
  await prober.step('noNewPrivileges', 'setpriv', { noNewPrivileges: true }, (is) => is.noNewPrivileges);
  await prober.step('dropCapabilities', 'setpriv', { dropCapabilities: true }, isPowerless);
  await prober.step('diesWithHost', 'setpriv', { diesWithHost: true }, () => true);
  await prober.limits(node);
  const last = await prober.look(prober.plan);
  return {
    plan: prober.plan,
    refusals: prober.refusals,
    became: last.ok ? readProcessStatus(last.said) : null,
  };
}

async function canKillOthers(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  return mayKill(readProcessStatus(await readFile('/proc/self/status', 'latin1').catch(() => '')));
}

class Prober {
  readonly #tools: JailTools;
  readonly #uid: number | null;
  readonly refusals = new Map<Step, string>();
  plan: JailPlan;

  constructor(tools: JailTools, uid: number | null) {
    this.#tools = tools;
    this.#uid = uid;
    this.plan = barePlan(tools);
  }

  /** @returns `null` when this machine does not permit every step at once */
  async everything(node: string): Promise<Probed | null> {
    const uid = this.#uid;
    if (Object.values(this.#tools).includes(null) || (uid !== null && !(await canKillOthers()))) return null;
    const plan: JailPlan = {
      tools: this.#tools,
      account: uid === null ? 'host' : 'setpriv',
      namespaces: NAMESPACES,
      userNamespace: uid === null,
      noNewPrivileges: true,
      dropCapabilities: true,
      diesWithHost: true,
      limits: true,
    };
    const [look, lives] = await Promise.all([this.look(plan), this.#run(plan, [node, ...SMALLEST])]);
    const became = readProcessStatus(look.said);
    const isSo = became.noNewPrivileges && isPowerless(became) && (uid === null || runsOnlyAs(became, uid));
    return look.ok && lives.ok && isSo ? { plan, refusals: this.refusals, became } : null;
  }

  /** Shows what a process becomes under a plan. */
  look(plan: JailPlan): Promise<Probe> {
    const { cat } = this.#tools;
    if (cat === null) return Promise.resolve({ ok: false, said: 'there is no cat to look with' });
    return this.#run(plan, [cat, '/proc/self/status']);
  }

  async account(): Promise<void> {
    const uid = this.#uid;
    if (uid === null) return;
    if (!(await canKillOthers())) {
      this.refusals.set('account', 'the host could not end cells of another account (CAP_KILL)');
      return;
    }
    const own = (is: ProcessStatus) => runsOnlyAs(is, uid);
    if (await this.step('account', 'setpriv', { account: 'setpriv' }, own)) return;
    // Without a way to look, believe the system call: it fails loudly.
    if (this.#tools.cat === null) this.plan = { ...this.plan, account: 'spawn' };
    else await this.step('account', null, { account: 'spawn' }, own);
  }

  /** The rights of root where there are such, else a user namespace around them. */
  async namespaces(): Promise<void> {
    const before = this.plan;
    await this.#eachNamespace();
    if (this.plan.namespaces.includes('net')) return;
    const direct = this.plan;
    this.plan = { ...before, userNamespace: true };
    await this.#eachNamespace();
    if (this.plan.namespaces.length <= direct.namespaces.length) this.plan = direct;
  }

  async #eachNamespace(): Promise<void> {
    for (const name of NAMESPACES) {
      const namespaces = [...this.plan.namespaces, name];
      await this.step(name, 'unshare', { namespaces }, () => true);
    }
  }

  async limits(node: string): Promise<void> {
    const next = { ...this.plan, limits: true };
    if (this.#lacks('limits', 'prlimit')) return;
    this.#take('limits', next, await this.#run(next, [node, ...SMALLEST]));
  }

  /** Takes a change into the plan if a process started with it became what it should. */
  async step(
    name: Step,
    tool: keyof JailTools | null,
    change: Partial<JailPlan>,
    isSo: (became: ProcessStatus) => boolean,
  ): Promise<boolean> {
    if (tool !== null && this.#lacks(name, tool)) return false;
    const next = { ...this.plan, ...change };
    const probe = await this.look(next);
    const missed = probe.ok && !isSo(readProcessStatus(probe.said));
    return this.#take(name, next, missed ? { ok: false, said: 'it had no effect' } : probe);
  }

  #lacks(name: Step, tool: keyof JailTools): boolean {
    if (this.#tools[tool] !== null) return false;
    this.refusals.set(name, `${tool} was not found`);
    return true;
  }

  #take(name: Step, next: JailPlan, { ok, said }: Probe): boolean {
    if (ok) {
      this.plan = next;
      this.refusals.delete(name);
    } else this.refusals.set(name, said);
    return ok;
  }

  #run(plan: JailPlan, argv: Inmate['argv']): Promise<Probe> {
    return runProbe(plan, { argv, uid: this.#uid, memoryMb: PROBE_MEMORY_MB });
  }
}
