import { join } from 'node:path';
import { MagError, messageOf } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { Manifest } from '../../../manifests/manifest/manifest.ts';
import { type Check, check } from '../../review/report.ts';
import { objectIn, objectsIn } from '../answer.ts';
import { installWhole } from '../dev/install.ts';
import { measure, percentile } from '../dev/measure.ts';
import type { ProfileCall } from '../dev/profile-calls.ts';
import { extensionPath } from '../extension-id.ts';
import { runOperation } from '../run-operation.ts';
import { stageFile } from '../staging.ts';
import { ESCAPE_PATH, UNDECLARED_PATH, writeProbe } from './escape-probe.ts';
import type { ReviewHost } from './review-host.ts';

/** From "enable" to served: spawning the cell, loading the code, init() and start(). */
const COLD_START_MS = 2_000;
const P99_MS = 250;
/** Of the memory the manifest asks for; the rest is for load that a review does not make. */
const MEMORY_SHARE = 0.8;
const ROUNDS = 200;
/** Met a limit: this loop asks more often than a client would. */
const TOO_FAST = 503;
const MIB = 1_048_576;

interface Installed {
  readonly file: string;
  readonly manifest: Manifest;
  readonly config: JsonObject | null;
  /** Signed packages of what it depends on. */
  readonly needed: readonly string[];
  readonly calls: readonly ProfileCall[];
}

/** What only shows when it runs: on a host of its own, with everything approved. */
export async function liveChecks(
  host: ReviewHost,
  installed: Installed,
  signal: AbortSignal,
): Promise<Check[]> {
  const performance_ = await performanceCheck(host, installed, signal).catch(failed('performance'));
  const { contained, probe } = await escapeCheck(host, installed.manifest);
  return [performance_, contained, await auditCheck(host, installed.manifest.id, probe)];
}

async function performanceCheck(
  host: ReviewHost,
  { file, manifest, config, needed, calls }: Installed,
  signal: AbortSignal,
): Promise<Check> {
  const { session, url, token } = host;
  const { id, limits } = manifest;
  for (const other of needed) await stageFile(session, other);
  await installWhole(session, { file, manifest, config });
  const keys = keysOf(manifest);
  for (const name of keys) await session.client().send('POST', extensionPath(id, 'keys'), { name });
  const isGivenSecrets = keys.length + manifest.secrets.length > 0;
  const startedAt = performance.now();
  await runOperation(session, id, 'enable');
  const startMs = Math.round(performance.now() - startedAt);
  const budget = { rounds: ROUNDS, seconds: 0 };
  const measured = await measure({ url, token, manifest }, calls, budget, signal);
  const rows = measured.map(({ call, latenciesMs, statuses }) => ({
    label: call.label,
    // The first call is the one that compiles.
    p99Ms: Math.round(percentile(latenciesMs.slice(1), 0.99)),
    failed: [...statuses.keys()].find((status) => status >= 500 && status !== TOO_FAST),
    limited: statuses.get(TOO_FAST) ?? 0,
  }));
  const usage = objectIn(await session.client().get(extensionPath(id, 'usage')));
  const heapMb = Math.round(Number(objectIn(usage.process).heapBytes ?? 0) / MIB);
  const mostMb = Math.floor(limits.memoryMb * MEMORY_SHARE);
  const slow = rows.filter(({ p99Ms }) => p99Ms > P99_MS);
  return check('performance', {
    failures: [
      ...(startMs > COLD_START_MS ? [`The cold start took ${startMs} ms, over ${COLD_START_MS} ms.`] : []),
      ...slow.map(({ label, p99Ms }) => `${label}: p99 ${p99Ms} ms, over ${P99_MS} ms.`),
      ...rows.flatMap(({ label, failed }) => (failed === undefined ? [] : [`${label} answered ${failed}.`])),
      ...(heapMb > mostMb ? [`The heap is ${heapMb} MiB, over ${mostMb} MiB.`] : []),
    ],
    questions: [
      ...(calls.length === 0
        ? ['No call was measured: it has no GET endpoint without parameters; use --call.']
        : []),
      ...rows.flatMap(({ label, limited }) =>
        limited === 0
          ? []
          : [`${label} met a limit ${limited} times of ${ROUNDS}: look whether its limits suffice.`],
      ),
    ],
    notes: [
      `cold start ${startMs} ms, heap ${heapMb} MiB of ${limits.memoryMb} MiB`,
      ...(isGivenSecrets ? ['the values of its secrets and keys are made up'] : []),
      ...rows.map(({ label, p99Ms }) => `${label}: p99 ${p99Ms} ms`),
    ],
  });
}

async function escapeCheck(
  host: ReviewHost,
  manifest: Manifest,
): Promise<{ contained: Check; probe: Manifest['id'] }> {
  const dir = join(host.folder, 'probe');
  const probe = await writeProbe(dir, manifest);
  const ask = (path: string) =>
    fetch(`${host.url}/x/${probe}${path}`, { headers: { authorization: `Bearer ${host.token}` } });
  await stageFile(host.session, await host.packed(dir));
  await runOperation(host.session, probe, 'install', { version: '1.0.0', approve: 'all' });
  await runOperation(host.session, probe, 'enable');
  const answer = await ask(ESCAPE_PATH);
  const { open = [], tried = [] } = (await answer.json()) as { open?: string[]; tried?: string[] };
  await (await ask(UNDECLARED_PATH)).arrayBuffer();
  const { state } = objectIn(await host.session.client().get(extensionPath(probe)));
  const contained = check('escape', {
    failures: [
      ...(answer.ok ? [] : [`The probe could not be asked: ${answer.status}.`]),
      ...open.map((way) => `A way out is open: ${way}.`),
      ...(state === 'quarantined' ? [] : ['A call that nobody declared did not end the extension.']),
    ],
    notes: [`${tried.length} ways out tried, in a cell with its limits: ${tried.join(', ')}`],
  });
  return { contained, probe };
}

async function auditCheck({ session }: ReviewHost, id: string, probe: string): Promise<Check> {
  const { records } = objectIn(await session.client().get('/v1/audit', { limit: 500 }));
  const has = (action: string, target: string) =>
    objectsIn(records).some((one) => one.action === action && String(one.target).startsWith(target));
  const wanted = [
    ['extension.install', id],
    ['extension.enable', id],
    ['extension.quarantined', probe],
  ] as const;
  const chain = objectIn(await session.client().get('/v1/audit/verify'));
  return check('audit', {
    failures: [
      ...wanted
        .filter(([action, target]) => !has(action, target))
        .map((pair) => `No record of ${pair.join(' ')}.`),
      ...(chain.ok === true ? [] : ['The audit chain does not hold.']),
    ],
    notes: ['install, enable and the refused call of the probe are looked for, and whether the chain holds'],
  });
}

/** The keys that it names. Their values are made up, as those of its secrets. */
function keysOf({ capabilities }: Manifest): readonly string[] {
  return capabilities.find(({ name }) => name === 'system.keys')?.scope?.keys ?? [];
}

/** What the host refuses is a finding, not an error of the review. */
function failed(id: 'performance'): (error: unknown) => Check {
  return (error) => {
    if (!(error instanceof MagError)) throw error;
    const isAlone = error.code === 'E_DEPENDENCY';
    const failure = `It does not start: ${error.code}: ${messageOf(error)}`;
    return check(id, { failures: [failure, ...(isAlone ? ['Name what it depends on: --with.'] : [])] });
  };
}
