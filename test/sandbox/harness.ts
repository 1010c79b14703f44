import type { RequestListener } from 'node:http';
import { expect } from 'vitest';
import type { Code } from '../../manifests/catalog/index.ts';
import type { SignedPackage } from '../support/author.ts';
import { type Answer, until } from '../support/host.ts';
import { serving } from '../support/sources.ts';
import { type Codes, listed, recordsOf } from './world/codes.ts';
import { guestKit } from './world/guest-kit.ts';
import { Lair } from './world/lair.ts';
import { publishAs } from './world/publish.ts';
import type { Outside } from './world/sentinels.ts';
import type { Assault } from './world/siege.ts';
import type { World } from './world/world.ts';

/** The endpoints of every attacking extension: the attack, and the proof that it still serves. */
const ENDPOINTS = ['GET /ok', 'GET /attack'];
/**
 * Small, so that an attack ends soon. The wall is far off: on a slow machine it must not come first. Where it is what
 * ends the attack, it is a second at least: the calls that install and enable the extension have no more.
 */
const LIMITS = { cpuMs: 5_000, wallMs: 20_000, memoryMb: 32 };

export interface Attack {
  readonly name: string;
  readonly limits?: Partial<typeof LIMITS> & { readonly hostCallsPerSecond?: number };
  readonly capabilities?: readonly object[];
  readonly contributes?: object;
  /** Further members of the manifest. */
  readonly manifest?: Record<string, unknown>;
  readonly files?: Readonly<Record<string, string>>;
  /** Further endpoints, keys as in the definition; their handlers are in `members.endpoints`. */
  readonly endpoints?: readonly string[];
  /** Of the module, before the definition. Knows `OUTSIDE` and `reached()` (see `guest-kit.ts`). */
  readonly top?: string;
  /** The function behind `GET /attack`. Default: one that does nothing. */
  readonly handler?: string;
  /** What the attacker's own server does: a function of where the treasures are. Its origin is granted. */
  readonly lair?: (outside: Outside) => RequestListener;
  /** Text of further members of the definition, and of further endpoints. */
  readonly members?: string;
  readonly handlers?: string;
  /** What is done with the running extension. Default: `GET /attack`. */
  readonly call?: (world: World) => Promise<Answer>;
  readonly expect: Expectation;
}

export interface Expectation {
  /** Of the answer; several where the machine decides which limit is met first. */
  readonly code?: Codes;
  /** Of an answer that came through: the proof that the attack got nowhere. */
  readonly body?: unknown;
  /** The extension does not come to be installed, or to run: the code that the move ends with. */
  readonly install?: Codes;
  readonly enable?: Codes;
  /** What the host says its cell died of, for deaths outside of the call. */
  readonly died?: Codes;
  /** Default: what the code leads to. */
  readonly state?: string;
  /** Actions of the audit records it leaves, oldest first. Default: what the code leads to. */
  readonly audit?: readonly string[];
}

/** One attack by an extension, and all that must be so while and after it runs; then it is removed. */
export function attack(attack: Attack): Assault {
  const run: Assault['run'] = async (world) => {
    const { install, enable } = attack.expect;
    if (install !== undefined) await expectNoStart(world, attack, 'install');
    else if (enable !== undefined) await expectNoStart(world, attack, 'enable');
    else await expectContained(world, attack);
    await remove(world);
  };
  return { name: attack.name, run };
}

/** With all it has. One that was never installed stays staged: there is nothing to undo. */
async function remove({ host, attacker }: World): Promise<void> {
  const { state } = await host.show(attacker);
  if (state === 'staged') return;
  const moves = state === 'enabled' ? (['disable', 'uninstall'] as const) : (['uninstall'] as const);
  for (const move of moves) {
    const { body } = await host.operate(attacker, move, move === 'uninstall' ? { purge: true } : {});
    expect(body).toMatchObject({ state: 'succeeded' });
  }
}

async function expectContained(world: World, attack: Attack): Promise<void> {
  const { outside } = world.sentinels;
  await using lair = attack.lair === undefined ? null : await Lair.open(attack.lair(outside));
  const signed = await publish(world, attack, lair?.origin);
  await world.host.run(signed);
  await world.begin();
  const { call = ({ visit }) => visit('attack'), expect: expected } = attack;
  expectAnswer(await call(world), expected);
  const codes = listed(expected.code);
  if (expected.died !== undefined) await expectDeath(world, signed, listed(expected.died));
  const state = expected.state ?? (codes.includes('E_CAP_UNDECLARED') ? 'quarantined' : 'enabled');
  await expectState(world, state);
  await world.expectUnharmed(expected.audit ?? recordsOf(codes));
}

function expectAnswer({ body, status }: Answer, expected: Expectation): void {
  const codes = listed(expected.code);
  if (codes.length > 0) {
    expect({ status, code: body?.code }).toMatchObject({ code: expect.toBeOneOf([...codes]) });
  } else {
    expect({ status, body }).toEqual({ status: 200, body: expected.body });
  }
}

/** What an extension that is off answers, by its state. */
const OFF: Readonly<Record<string, Code>> = { quarantined: 'E_QUARANTINED', disabled: 'E_NOT_ENABLED' };

/** It serves again, or it is off and says so. */
async function expectState(world: World, state: string): Promise<void> {
  const shown = async () => (await world.host.show(world.attacker)).state;
  expect(await until(shown, (now) => now === state)).toBe(state);
  const code = OFF[state];
  const ok = await until(
    () => world.visit('ok'),
    ({ status, body }) => (code === undefined ? status === 200 : body.code === code),
  );
  expect(ok.body).toEqual(code === undefined ? 'fine' : expect.objectContaining({ code }));
}

/** The events of the attacks before it are still there: each attack has a version of its own. */
async function expectDeath(world: World, { version }: SignedPackage, codes: readonly Code[]): Promise<void> {
  const deaths = async () => {
    const { body } = await world.ask('GET', '/v1/events?type=extension.error');
    const all: { data: { extension: string; version: string; code: Code } }[] = body.events;
    const its = all.filter(({ data }) => data.extension === world.attacker && data.version === version);
    return its.map(({ data }) => data.code);
  };
  const found: Code[] = await until(deaths, (all) => all.length > 0);
  for (const code of found) expect(codes).toContain(code);
}

/** Runs what is allowed to succeed before it, then the move that the attack must make fail. */
async function expectNoStart(world: World, attack: Attack, move: 'install' | 'enable'): Promise<void> {
  const signed = await publish(world, attack);
  expect((await world.host.stage(signed)).status).toBe(201);
  const install = { version: signed.version, approve: 'all' };
  if (move === 'enable') await world.host.operate(world.attacker, 'install', install);
  await world.begin();
  const { body } = await world.host.operate(world.attacker, move, install);
  expect(body).toMatchObject({
    state: 'rolled_back',
    error: { code: expect.toBeOneOf([...listed(attack.expect[move])]) },
  });
  await world.expectUnharmed([`extension.${move}`]);
}

async function publish(world: World, attack: Attack, lair?: string): Promise<SignedPackage> {
  const { capabilities = [], contributes = {}, endpoints = [], manifest, files } = attack;
  const { name, ...members } = serving(world.attackerName, [...ENDPOINTS, ...endpoints], {
    capabilities: lair === undefined ? capabilities : [...capabilities, outbound(lair)],
    contributes,
    limits: { ...LIMITS, ...attack.limits },
    ...manifest,
  });
  return publishAs(world.mallory, {
    name,
    version: world.nextVersion(),
    members,
    code: codeOf(world, attack, lair),
    ...(files ? { files } : {}),
  });
}

function outbound(origin: string): object {
  return { name: 'network.outbound', reason: 'Calls home.', scope: { origins: [origin] } };
}

function codeOf(world: World, attack: Attack, lair = ''): string {
  const { top = '', handler = 'async () => ({})', members = '', handlers = '' } = attack;
  return `${guestKit({ ...world.sentinels.outside, lair })}
${top}
export default {
  endpoints: {
    'GET /ok': async () => ({ body: 'fine' }),
    'GET /attack': ${handler},
    ${handlers}
  },
  ${members}
};`;
}
