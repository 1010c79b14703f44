import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { textIn } from '../answer.ts';
import { printable } from '../printable.ts';
import type { Session } from '../session.ts';
import { details, table } from '../table.ts';
import {
  type CpuProfile,
  type FunctionTime,
  selfTimes,
  toSources,
  withIdle,
  withoutFirst,
} from './cpu-profile.ts';
import { type DevHost, type DevHostOptions, openDevHost } from './dev-host.ts';
import { connectDevtools } from './devtools-client.ts';
import { installAll } from './install.ts';
import { onInterrupt } from './interruption.ts';
import { type Budget, type Measured, measure, percentile, request } from './measure.ts';
import { defaultCalls, type ProfileCall, parseCall } from './profile-calls.ts';

export interface ProfileOptions extends DevHostOptions, Budget {
  /** `GET /greet/Ada`; empty: every GET endpoint without parameters. */
  readonly calls: readonly string[];
  /** Default: `<publisher>-<name>-<version>.cpuprofile` where the command runs. */
  readonly out?: string;
}

interface Recording {
  readonly profile: CpuProfile;
  readonly measured: readonly Measured[];
  readonly heapBytes: number;
}

const INTERVAL_US = 250;
const TOP_FUNCTIONS = 15;
const MIB = 1_048_576;

/**
 * Calls an extension on a host of its own while V8 samples what it does, and writes the profile.
 * @throws UsageError for a call that is none, MagError with the code of what failed
 */
export async function runProfile(session: Session, options: ProfileOptions): Promise<void> {
  const asked = options.calls.map(parseCall);
  using interruption = onInterrupt();
  const { signal } = interruption;
  await using host = await openDevHost(session, options, signal);
  const { id, version } = host.manifest;
  const calls = asked.length > 0 ? asked : defaultCalls(host.manifest);
  await installAll(host);
  const recording = await record(host, calls, options, signal);
  const name = `${id.replace('/', '-')}-${version}.cpuprofile`;
  const file = resolve(session.terminal.cwd, options.out ?? name);
  await writeFile(file, JSON.stringify(recording.profile));
  report(host, recording, file, resolve(session.terminal.cwd, options.dir));
}

async function record(
  host: DevHost,
  calls: readonly ProfileCall[],
  budget: Budget,
  signal: AbortSignal,
): Promise<Recording> {
  using devtools = connectDevtools(host.debugger);
  await devtools.call('Profiler.enable');
  await devtools.call('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await devtools.call('Profiler.start');
  const startedAt = performance.now();
  // What only the first call does is no part of the picture, yet it is profiled: V8 knows the functions in
  // code it has optimised only where it did so while profiling.
  for (const call of calls) await request(host, call, signal);
  const warmUs = (performance.now() - startedAt) * 1_000;
  const measured = await measure(host, calls, budget, signal);
  const { profile } = await devtools.call('Profiler.stop');
  const { usedSize } = await devtools.call('Runtime.getHeapUsage');
  const whole = profile as unknown as CpuProfile; // V8 made it
  const raw = withIdle(withoutFirst(whole, warmUs), INTERVAL_US);
  const moduleUrl = `${host.manifest.id}/index.js`;
  const mapped = host.map === null ? raw : toSources(raw, host.map.trace, moduleUrl);
  return { profile: mapped, measured, heapBytes: Number(usedSize) };
}

function report(
  { session, manifest }: DevHost,
  { profile, measured, heapBytes }: Recording,
  file: string,
  dir: string,
): void {
  const times = selfTimes(profile);
  const totalMs = times.reduce((sum, { selfMs }) => sum + selfMs, 0);
  const functions = times.slice(0, TOP_FUNCTIONS).map((one) => functionRow(one, totalMs, dir));
  const calls = measured.map(callRow);
  const head = { id: manifest.id, version: manifest.version, file, heapBytes, busyMs: round(totalMs) };
  const answer: JsonObject = { ...head, calls: calls as Json[], functions: functions as Json[] };
  session.output.print(answer, () =>
    [
      details([
        ['extension', `${manifest.id} ${manifest.version}`],
        ['busy', `${totalMs.toFixed(0)} ms of its own`],
        ['heap', `${(heapBytes / MIB).toFixed(1)} MiB`],
      ]),
      callTable(calls),
      functionTable(functions),
      `open in Chrome DevTools (Performance, load profile): ${file}`,
    ].join('\n\n'),
  );
}

function functionRow({ name, url, line, selfMs }: FunctionTime, totalMs: number, dir: string): JsonObject {
  const path = url.startsWith('file:') ? relative(dir, fileURLToPath(url)) : url;
  const place = path === '' ? '' : `${path}:${line}`;
  return { name, place, selfMs: round(selfMs), share: round(totalMs > 0 ? selfMs / totalMs : 0) };
}

function callRow({ call, latenciesMs, statuses }: Measured): JsonObject {
  const at = (share: number) => round(percentile(latenciesMs, share));
  return {
    call: call.label,
    count: latenciesMs.length,
    statuses: Object.fromEntries([...statuses].map(([status, count]) => [String(status), count])),
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

function callTable(rows: readonly JsonObject[]): string {
  return table(rows, [
    ['call', (row) => printable(textIn(row, 'call'))],
    ['calls', (row) => textIn(row, 'count')],
    ['answers', (row) => statusText(row.statuses)],
    ['p50 ms', (row) => textIn(row, 'p50Ms')],
    ['p90 ms', (row) => textIn(row, 'p90Ms')],
    ['p99 ms', (row) => textIn(row, 'p99Ms')],
    ['max ms', (row) => textIn(row, 'maxMs')],
  ]);
}

function statusText(statuses: Json | undefined): string {
  return Object.entries((statuses ?? {}) as JsonObject)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');
}

function functionTable(rows: readonly JsonObject[]): string {
  return table(rows, [
    ['self ms', (row) => textIn(row, 'selfMs')],
    ['share', (row) => `${(Number(row.share) * 100).toFixed(0)} %`],
    ['function', (row) => printable(textIn(row, 'name'))],
    ['place', (row) => printable(textIn(row, 'place'))],
  ]);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
