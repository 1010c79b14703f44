import { originalPositionFor, type TraceMap } from '@jridgewell/trace-mapping';

/** The `.cpuprofile` of Chrome. Times are microseconds, lines and columns count from 0. */
export interface CpuProfile {
  readonly startTime: number;
  readonly endTime: number;
  readonly nodes: readonly ProfileNode[];
  /** Node ids, in time. */
  readonly samples: readonly number[];
  /** Of each sample, since the one before it. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly hitCount?: number;
  readonly children?: readonly number[];
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

export interface CallFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** Longer without a sample than this, nothing ran: V8 samples a running isolate only. */
const GAP_US = 5_000;

/** The profile from so many microseconds after its start. */
export function withoutFirst(profile: CpuProfile, us: number): CpuProfile {
  const startTime = Math.min(profile.startTime + us, profile.endTime);
  let at = profile.startTime;
  const times = profile.timeDeltas.map((delta) => (at += delta));
  const from = times.findIndex((time) => time >= startTime);
  if (from < 0) return { ...profile, startTime, samples: [], timeDeltas: [] };
  const [, ...deltas] = profile.timeDeltas.slice(from);
  const timeDeltas = [(times[from] ?? startTime) - startTime, ...deltas];
  return { ...profile, startTime, samples: profile.samples.slice(from), timeDeltas };
}

/**
 * Fills the stretches in which the extension did not run with samples of `(idle)`: without them a viewer
 * would count them as time of whatever ran last.
 */
export function withIdle(profile: CpuProfile, intervalUs: number): CpuProfile {
  const idle = Math.max(...profile.nodes.map(({ id }) => id)) + 1;
  const samples: number[] = [];
  const timeDeltas: number[] = [];
  const push = (sample: number, delta: number) => {
    samples.push(sample);
    timeDeltas.push(delta);
  };
  profile.samples.forEach((sample, at) => {
    const delta = profile.timeDeltas[at] ?? 0;
    if (delta <= GAP_US) {
      push(sample, delta);
      return;
    }
    push(idle, at === 0 ? 0 : intervalUs);
    push(sample, at === 0 ? delta : delta - intervalUs);
  });
  const [root, ...others] = profile.nodes;
  if (root === undefined) return profile;
  const nodes = [{ ...root, children: [...(root.children ?? []), idle] }, ...others, idleNode(idle)];
  return { ...profile, nodes, samples, timeDeltas };
}

function idleNode(id: number): ProfileNode {
  const callFrame = { functionName: '(idle)', scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 };
  return { id, callFrame, hitCount: 0 };
}

/** The profile with the places of the author's sources instead of those in the bundled module. */
export function toSources(profile: CpuProfile, trace: TraceMap, moduleUrl: string): CpuProfile {
  const nodes = profile.nodes.map((node) => {
    const { callFrame } = node;
    if (callFrame.url !== moduleUrl) return node;
    const { lineNumber, columnNumber } = callFrame;
    const place = originalPositionFor(trace, { line: lineNumber + 1, column: Math.max(0, columnNumber) });
    if (place.source === null) return node;
    // Its lines are counted in the module: they would be shown in the wrong file.
    const { positionTicks: _, ...rest } = node;
    const at = { url: place.source, lineNumber: place.line - 1, columnNumber: place.column };
    return { ...rest, callFrame: { ...callFrame, ...at } };
  });
  return { ...profile, nodes };
}

export interface FunctionTime {
  readonly name: string;
  readonly url: string;
  /** From 1; 0 for what V8 does itself. */
  readonly line: number;
  readonly selfMs: number;
}

/** Where the time went, most first. Waiting is no part of it. */
export function selfTimes({ nodes, samples, timeDeltas, endTime, startTime }: CpuProfile): FunctionTime[] {
  const byId = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const totals = new Map<string, { frame: CallFrame; us: number }>();
  let at = startTime;
  samples.forEach((sample, index) => {
    at += timeDeltas[index] ?? 0;
    const us = timeDeltas[index + 1] ?? Math.max(0, Math.min(GAP_US, endTime - at));
    const frame = byId.get(sample);
    if (frame === undefined || frame.functionName === '(idle)') return;
    const key = `${frame.functionName} ${frame.url} ${frame.lineNumber}`;
    const total = totals.get(key) ?? { frame, us: 0 };
    total.us += us;
    totals.set(key, total);
  });
  return [...totals.values()]
    .map(({ frame, us }) => ({
      name: frame.functionName || '(anonymous)',
      url: frame.url,
      line: frame.lineNumber + 1,
      selfMs: us / 1_000,
    }))
    .sort((a, b) => b.selfMs - a.selfMs);
}
