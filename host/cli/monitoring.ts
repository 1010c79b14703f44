import type { Json, JsonObject } from '../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { type Column, details, table } from './table.ts';

/** Samples of `extension:health` that a person is shown; `--output json` has all there are. */
const SAMPLES_SHOWN = 10;

/** How an extension is, how it was at its last checks, and the alerts about it. */
export function healthReport(answer: JsonObject): string {
  const { history = [], alerts = [], process, ...now } = answer;
  const parts = [
    details(Object.keys(now).map((name) => [name, textIn(now, name)] as const)),
    ...section('process', numbers(process)),
    `checks, newest first\n${table(objectsIn(history).slice(0, SAMPLES_SHOWN), SAMPLE)}`,
    `alerts, newest first\n${table(objectsIn(alerts), ALERT)}`,
  ];
  return parts.join('\n\n');
}

const SAMPLE: readonly Column<JsonObject>[] = [
  ['at', (row) => textIn(row, 'at')],
  ['healthy', (row) => textIn(row, 'healthy')],
  ['calls', (row) => textIn(row, 'calls')],
  ['errors', (row) => textIn(row, 'errors')],
  ['cpu', (row) => percent(row.cpuShare)],
  ['event loop', (row) => percent(row.eventLoopShare)],
  ['heap', (row) => textIn(row, 'heapBytes')],
  ['restarts', (row) => textIn(row, 'restarts')],
  ['refused', (row) => counts(row.refused)],
  ['used', (row) => counts(row.used)],
  ['detail', (row) => textIn(row, 'detail')],
];

const ALERT: readonly Column<JsonObject>[] = [
  ['at', (row) => textIn(row, 'at')],
  ['version', (row) => textIn(row, 'version')],
  ['code', (row) => textIn(row, 'code')],
  ['detail', (row) => textIn(row, 'detail')],
];

/** Which of its grants an extension uses, what it costs here, and what it may cost. */
export function usageReport(usage: JsonObject): string {
  const { capabilities = [], limits, process, components, requests = [] } = usage;
  const { total, sinceCheck } = objectIn(components ?? {});
  const parts = [
    table(objectsIn(capabilities), CAPABILITY),
    ...section('limits', numbers(limits)),
    ...section('process', numbers(process)),
    ...section('answers', objectsIn(requests).map(answersLine)),
    ...section('since the host started', numbers(total)),
    ...section('since the last check', numbers(sinceCheck)),
  ];
  return parts.join('\n\n');
}

function answersLine(row: JsonObject): readonly [string, string] {
  return [textIn(row, 'endpoint'), counts(objectIn(row.answers ?? {}))];
}

const CAPABILITY: readonly Column<JsonObject>[] = [
  ['capability', (row) => textIn(row, 'name')],
  ['granted', (row) => textIn(row, 'granted')],
  ['uses', (row) => textIn(row, 'uses')],
  ['last used', (row) => textIn(row, 'lastUsedAt')],
];

function section(title: string, lines: readonly (readonly [string, string])[]): string[] {
  return lines.length === 0 ? [] : [`${title}\n${details(lines)}`];
}

function numbers(value: Json | undefined): (readonly [string, string])[] {
  if (value === undefined || value === null) return [];
  const object = objectIn(value);
  return Object.entries(object).map(([name, entry]) => [
    name,
    isObject(entry) ? counts(entry) : textIn(object, name),
  ]);
}

function isObject(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `E_LIMIT_WALL 2, E_LIMIT_CPU 1`. */
function counts(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return Object.entries(objectIn(value))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function percent(share: Json | undefined): string {
  return typeof share === 'number' ? `${(share * 100).toFixed(1)}%` : '';
}
