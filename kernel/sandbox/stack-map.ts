import { decodedMappings, originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

/** Turns positions in the bundled module, wherever they stand in a text, into positions in its sources. */
export type MapStack = (text: string) => string;

/** Larger ones are left alone: reading one must not keep the event loop for more than a few 10 ms. */
const MAX_MAP_BYTES = 2 * 1_048_576;
const MAX_MAPPINGS_CHARS = 512 * 1_024;
const MAX_SOURCES = 5_000;
const MAX_SOURCE_CHARS = 200;
const MAX_LINES = 100_000;
/** Lists and objects in a map, and texts: names of files, their content, names. */
const MAX_LISTS = 32;
const MAX_TEXTS = 50_000;
/** Positions in one text that are mapped; what follows stays as it is. */
const MAX_POSITIONS = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/** Names of files, and nothing that could end a line, a string or a frame of a stack. */
const SOURCE_NAME = /^[\w@./+ -]+$/;
const POSITION = /^:(\d{1,7}):(\d{1,7})/;

/**
 * The map is the publisher's, so a hostile one is read like any other input: capped, only its known members,
 * and once. Stacks stay unmapped when it cannot be used.
 * @param filename what the runner calls the module in stacks
 * @param entry the path of the module in the package: sources are relative to it
 * @param map the bytes of the source map, read when the first position is mapped
 */
export function createStackMap(filename: string, entry: string, map: Uint8Array | undefined): MapStack {
  let trace: TraceMap | null | undefined;
  const read = (): TraceMap | null => {
    if (trace === undefined) trace = map === undefined ? null : readMap(map, `${entry}.map`);
    return trace;
  };
  return (text) => (text.includes(`${filename}:`) ? mapText(text, filename, read()) : text);
}

function mapText(text: string, filename: string, trace: TraceMap | null): string {
  if (trace === null) return text;
  const parts = text.split(filename, MAX_POSITIONS + 1);
  let mapped = parts[0] ?? '';
  let consumed = mapped.length;
  for (const part of parts.slice(1)) {
    consumed += filename.length + part.length;
    mapped += mapPosition(part, trace) ?? filename + part;
  }
  return mapped + text.slice(consumed);
}

/** @returns the position in the source and what follows it, or `null` where there is none */
function mapPosition(text: string, trace: TraceMap): string | null {
  const [found, line, column] = POSITION.exec(text) ?? [];
  if (found === undefined || Number(line) < 1 || Number(column) < 1) return null;
  // V8 counts columns from 1, source maps from 0.
  const at = originalPositionFor(trace, { line: Number(line), column: Number(column) - 1 });
  // A source out of the list of sources is `undefined`, whatever the types say.
  if (typeof at.source !== 'string' || !isPlace(at.line) || !isPlace(at.column + 1)) return null;
  if (at.source.length > MAX_SOURCE_CHARS || !SOURCE_NAME.test(at.source)) return null;
  return `${at.source}:${at.line}:${at.column + 1}${text.slice(found.length)}`;
}

function isPlace(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function readMap(bytes: Uint8Array, path: string): TraceMap | null {
  if (bytes.byteLength > MAX_MAP_BYTES || isCrowded(bytes)) return null;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const { sources, mappings } = (parsed ?? {}) as { sources?: unknown; mappings?: unknown };
    if (typeof mappings !== 'string' || mappings.length > MAX_MAPPINGS_CHARS) return null;
    if (!isSources(sources) || lineCount(mappings) > MAX_LINES) return null;
    const trace = new TraceMap({ version: 3, names: [], sources: [...sources], mappings }, path);
    decodedMappings(trace); // now: it throws on what is no mapping
    return trace;
  } catch {
    return null; // no source map: stacks stay as they are
  }
}

/** A map is one object of a few lists. Deep nesting and very many members take ten times as long to parse. */
function isCrowded(bytes: Uint8Array): boolean {
  let lists = 0;
  let quotes = 0;
  for (let i = 0; i < bytes.length && lists <= MAX_LISTS && quotes <= MAX_TEXTS * 2; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) quotes++;
    else if (byte === BACKSLASH) i++;
    else if (quotes % 2 === 0 && (byte === BRACKET || byte === BRACE)) lists++;
  }
  return lists > MAX_LISTS || quotes > MAX_TEXTS * 2;
}

function lineCount(mappings: string): number {
  let lines = 1;
  for (let at = mappings.indexOf(';'); at >= 0; at = mappings.indexOf(';', at + 1)) lines++;
  return lines;
}

function isSources(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_SOURCES &&
    value.every((source) => typeof source === 'string' && source.length <= MAX_SOURCE_CHARS)
  );
}
