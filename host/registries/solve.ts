import semver from 'semver';
import { MagError } from '../../kernel/errors.ts';
import type { Code } from '../../manifests/catalog/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** A version that could be chosen. */
export interface Candidate {
  readonly id: ExtensionId;
  readonly version: string;
  readonly kind: 'extension' | 'bundle';
  readonly engines: { readonly magflock: string };
  /** Extension id to semver range; of a bundle, its members. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly isInstalled: boolean;
}

/** Something that must be there. */
export interface Wish {
  readonly id: ExtensionId;
  readonly range: string;
}

export interface Problem<Version extends Candidate> {
  readonly wishes: readonly Wish[];
  /** Every version of an extension that may be chosen, preferred ones first. */
  readonly candidates: (id: ExtensionId) => Promise<readonly Version[]>;
  /** Of this host. */
  readonly hostVersion: string;
  /** What is wished for may take the place of what is installed. */
  readonly upgrade?: boolean;
}

// Indexes are written by anybody: what fits nothing in many ways must end too, and soon.
/** Ranges compared with versions, and ways begun: a second at most. */
const MAX_WORK = 200_000;
const MAX_CHOSEN = 200;

interface Demand extends Wish {
  /** `acme/app 1.0.0`; empty for what was asked for itself. */
  readonly by: string;
}

/** Why a way led nowhere. */
interface Refusal {
  readonly code: Code;
  readonly detail: string;
}

/**
 * Chooses one version for each extension that is needed, so that every range is satisfied: preferred versions
 * first, others when those fit no choice (a search with a way back). The first obstacle is told, for it stands
 * in the way of what one would have liked best.
 * @throws `E_NOT_FOUND` for a wish that nothing is there for, `E_INCOMPATIBLE`, `E_DEPENDENCY`
 */
export async function solve<Version extends Candidate>(
  problem: Problem<Version>,
): Promise<Map<ExtensionId, Version>> {
  const search = new Search(problem);
  const demands = problem.wishes.map((wish) => ({ ...wish, by: '' }));
  const chosen = await search.go(new Map(), demands, []);
  if (chosen !== null) return chosen;
  const { code, detail } = search.refusal ?? { code: 'E_DEPENDENCY', detail: 'nothing fits' };
  throw new MagError(code, detail);
}

class Search<Version extends Candidate> {
  /** The first obstacle. */
  refusal: Refusal | null = null;
  readonly #problem: Problem<Version>;
  readonly #fitting = new Map<string, readonly Version[] | Refusal>();
  #work = 0;

  constructor(problem: Problem<Version>) {
    this.#problem = problem;
  }

  /** `met`: the demands that the chosen versions satisfy. `null`: there is no way on from here. */
  async go(
    chosen: ReadonlyMap<ExtensionId, Version>,
    open: readonly Demand[],
    met: readonly Demand[],
  ): Promise<Map<ExtensionId, Version> | null> {
    const at = open.findIndex(({ id }) => !chosen.has(id));
    const settled = at === -1 ? open : open.slice(0, at);
    this.#spend(settled.length + 1);
    for (const demand of settled) {
      const there = chosen.get(demand.id);
      if (there !== undefined && !suits(there, demand))
        return this.#refuse(conflict(there, [...met, ...settled]));
    }
    const demand = open[at];
    if (demand === undefined) return new Map(chosen);
    if (chosen.size === MAX_CHOSEN)
      throw new MagError('E_DEPENDENCY', `more than ${MAX_CHOSEN} extensions would be needed`);
    const fitting = await this.#fits(demand);
    if ('code' in fitting) return this.#refuse(fitting);
    for (const candidate of fitting) {
      const next = new Map(chosen).set(candidate.id, candidate);
      const rest = [...open.slice(at + 1), ...demandsOf(candidate)];
      const found = await this.go(next, rest, [...met, ...settled, demand]);
      if (found !== null) return found;
    }
    return null;
  }

  async #fits(demand: Demand): Promise<readonly Version[] | Refusal> {
    const key = `${demand.id} ${demand.range} ${demand.by}`;
    const known = this.#fitting.get(key);
    if (known !== undefined) return known;
    const all = await this.#problem.candidates(demand.id);
    this.#spend(all.length);
    const suiting = all.filter((candidate) => suits(candidate, demand));
    const { hostVersion } = this.#problem;
    const usable = suiting.filter(({ engines }) => semver.satisfies(hostVersion, engines.magflock));
    const fitting = usable.length > 0 ? usable : this.#obstacle(demand, all, suiting);
    this.#fitting.set(key, fitting);
    return fitting;
  }

  #obstacle(demand: Demand, all: readonly Version[], suiting: readonly Version[]): Refusal {
    const { hostVersion, upgrade = false } = this.#problem;
    if (suiting.length > 0) return tooNew(demand, suiting, hostVersion);
    const [now] = all;
    const stays = now?.isInstalled === true && all.length === 1 && !(upgrade && demand.by === '');
    return stays ? isAnother(demand, now) : lack(demand, all);
  }

  #spend(work: number): void {
    this.#work += work;
    if (this.#work > MAX_WORK)
      throw new MagError('E_DEPENDENCY', 'there are too many ways to choose versions, and none found fits');
  }

  #refuse(refusal: Refusal): null {
    this.refusal ??= refusal;
    return null;
  }
}

/** Only what was asked for itself may be a bundle: an extension needs extensions. */
function suits({ version, kind }: Candidate, { range, by }: Demand): boolean {
  return semver.satisfies(version, range) && (by === '' || kind === 'extension');
}

function demandsOf({ id, version, dependencies }: Candidate): Demand[] {
  const needs = Object.entries(dependencies) as [ExtensionId, string][];
  return needs.sort().map(([needed, range]) => ({ id: needed, range, by: `${id} ${version}` }));
}

function conflict({ id, version }: Candidate, demands: readonly Demand[]): Refusal {
  const about = demands.filter((demand) => demand.id === id).map(text);
  return { code: 'E_DEPENDENCY', detail: `conflict over ${id}: ${about.join(', but ')} (tried ${version})` };
}

function lack(demand: Demand, all: readonly Candidate[]): Refusal {
  const there = all.map(({ version, kind }) => (kind === 'bundle' ? `${version}, a bundle` : version));
  const what = there.length === 0 ? 'there is no version of it' : `there is ${listed(there)}`;
  if (demand.by !== '') return { code: 'E_DEPENDENCY', detail: `missing: ${text(demand)}: ${what}` };
  const { id, range } = demand;
  const wanted = range === '*' ? id : `${id}@${range}`;
  return {
    code: 'E_NOT_FOUND',
    detail: `${wanted} is neither staged on the host nor in a registry: ${what}`,
  };
}

/** What is installed is not moved on the way: somebody may need it as it is. */
function isAnother(demand: Demand, { id, version, kind }: Candidate): Refusal {
  if (demand.by === '')
    return {
      code: 'E_STATE',
      detail: `${id} is installed as ${version}, not ${demand.range}: upgrade it (mag extension:upgrade ${id} --to ${demand.range})`,
    };
  const why = kind === 'bundle' ? 'which is a bundle' : `which is installed as ${version}: upgrade it first`;
  return { code: 'E_DEPENDENCY', detail: `incompatible: ${text(demand)}, ${why}` };
}

function tooNew(demand: Demand, suiting: readonly Candidate[], hostVersion: string): Refusal {
  const needs = suiting.map(({ version, engines }) => `${version} needs MagFlock ${engines.magflock}`);
  const detail = `${text(demand)}: ${listed(needs)}; this host is ${hostVersion}`;
  return { code: 'E_INCOMPATIBLE', detail };
}

function text({ id, range, by }: Demand): string {
  return by === '' ? `asked for is ${id} ${range}` : `${by} -> ${id} ${range}`;
}

function listed(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
