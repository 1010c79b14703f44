import { ProtocolError } from './codec.ts';
import type { CellFrame, GuestShape, LogLevel, RefusedInside, WireError } from './frames.ts';
import { outOfBounds } from './json-bounds.ts';
import {
  MAX_ERROR_CHARS,
  MAX_ERROR_CLASS_CHARS,
  MAX_FRAME_BYTES,
  MAX_LOG_BYTES,
  MAX_STACK_CHARS,
} from './limits.ts';

const MAX_NAME_CHARS = 160;
const MAX_CODE_CHARS = 64;
/** Names of endpoints, hooks or events that a definition may carry. */
const MAX_MEMBERS = 1_000;
const MAX_MEMBER_CHARS = 512;
/** An object of lists. */
const SHAPE_FIELDS = [
  ...['lifecycle', 'health', 'endpoints', 'hooks', 'events', 'exports', 'jobs', 'commands', 'formats'],
  ...['providers', 'channels'],
] as const;
const SHAPE_BOUNDS = { maxDepth: 2, maxMembers: SHAPE_FIELDS.length } as const;

/** What `JSON.parse` made of an object: `__proto__` and `constructor` are members like any other, or not there. */
type Fields = Readonly<Record<string, unknown>>;

/**
 * The closed schema of what a cell may send: known type, exactly its members, each of its type and size. The
 * frame is built anew from what was checked, so nothing unexpected travels on.
 * @throws ProtocolError
 */
export function checkCellFrame(value: unknown): CellFrame {
  const fields = fieldsOf(value);
  switch (own(fields, 't')) {
    case 'hello':
      exactly(fields, ['t', 'pid', 'node']);
      return { t: 'hello', pid: count(fields, 'pid'), node: text(fields, 'node', MAX_NAME_CHARS) };
    case 'ack':
      exactly(fields, ['t', 'id']);
      return { t: 'ack', id: count(fields, 'id') };
    case 'reply':
      return checkReply(fields);
    case 'host-call':
      return checkHostCall(fields);
    case 'log':
      return checkLog(fields);
    case 'heartbeat':
      exactly(fields, ['t', 'heapBytes', 'cpuUs']);
      return { t: 'heartbeat', heapBytes: count(fields, 'heapBytes'), cpuUs: count(fields, 'cpuUs') };
    case 'refused':
      exactly(fields, ['t', 'what', 'count']);
      return { t: 'refused', what: refused(own(fields, 'what')), count: count(fields, 'count') };
    case 'credit':
      exactly(fields, ['t', 'bytes']);
      return { t: 'credit', bytes: count(fields, 'bytes') };
    default:
      throw new ProtocolError('a frame of no known type');
  }
}

function checkReply(fields: Fields): CellFrame {
  const id = count(fields, 'id');
  const cpuUs = count(fields, 'cpuUs');
  if (Object.hasOwn(fields, 'value')) {
    exactly(fields, ['t', 'id', 'value', 'cpuUs']);
    return { t: 'reply', id, value: text(fields, 'value', MAX_FRAME_BYTES), cpuUs };
  }
  exactly(fields, ['t', 'id', 'error', 'cpuUs']);
  return { t: 'reply', id, error: checkError(own(fields, 'error')), cpuUs };
}

function checkError(value: unknown): WireError {
  const fields = fieldsOf(value);
  const has = (name: string) => Object.hasOwn(fields, name);
  exactly(fields, ['code', 'message', ...['stack', 'class'].filter(has)]);
  return {
    code: text(fields, 'code', MAX_CODE_CHARS),
    message: text(fields, 'message', MAX_ERROR_CHARS),
    ...(has('stack') ? { stack: text(fields, 'stack', MAX_STACK_CHARS) } : {}),
    ...(has('class') ? { class: text(fields, 'class', MAX_ERROR_CLASS_CHARS) } : {}),
  };
}

function checkHostCall(fields: Fields): CellFrame {
  exactly(fields, ['t', 'id', 'call', 'name', 'params']);
  return {
    t: 'host-call',
    id: count(fields, 'id'),
    call: count(fields, 'call'),
    name: text(fields, 'name', MAX_NAME_CHARS),
    params: text(fields, 'params', MAX_FRAME_BYTES),
  };
}

function checkLog(fields: Fields): CellFrame {
  exactly(fields, ['t', 'level', 'message', 'fields', 'call']);
  return {
    t: 'log',
    level: level(own(fields, 'level')),
    message: text(fields, 'message', MAX_LOG_BYTES),
    fields: text(fields, 'fields', MAX_LOG_BYTES),
    call: count(fields, 'call'),
  };
}

/**
 * The value of a reply to `load`, which is JSON text of its own.
 * @throws ProtocolError
 */
export function parseGuestShape(json: string): GuestShape {
  if (outOfBounds(json, SHAPE_BOUNDS) !== null) throw new ProtocolError('the shape of no extension');
  const fields = fieldsOf(parseJson(json));
  exactly(fields, SHAPE_FIELDS);
  const health = own(fields, 'health');
  if (typeof health !== 'boolean') throw new ProtocolError('"health" is no boolean');
  return {
    lifecycle: names(fields, 'lifecycle'),
    health,
    endpoints: names(fields, 'endpoints'),
    hooks: names(fields, 'hooks'),
    events: names(fields, 'events'),
    exports: names(fields, 'exports'),
    jobs: names(fields, 'jobs'),
    channels: names(fields, 'channels'),
    providers: names(fields, 'providers'),
    commands: names(fields, 'commands'),
    formats: names(fields, 'formats'),
  };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new ProtocolError('a text that should be JSON is none', { cause });
  }
}

function fieldsOf(value: unknown): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new ProtocolError('not an object');
  }
  return value as Fields;
}

function own(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

function exactly(fields: Fields, keys: readonly string[]): void {
  let isGood = Object.keys(fields).length === keys.length;
  for (let at = 0; isGood && at < keys.length; at++) isGood = Object.hasOwn(fields, keys[at] as string);
  if (!isGood) throw new ProtocolError(`expected exactly the members ${keys.join(', ')}`);
}

function count(fields: Fields, key: string): number {
  const value = own(fields, key);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ProtocolError(`"${key}" is no whole number of 0 or more`);
  }
  return value;
}

function text(fields: Fields, key: string, maxChars: number): string {
  const value = own(fields, key);
  if (typeof value !== 'string' || value.length > maxChars) {
    throw new ProtocolError(`"${key}" is no text of at most ${maxChars} characters`);
  }
  return value;
}

function level(value: unknown): LogLevel {
  if (value === 'debug' || value === 'info' || value === 'warn' || value === 'error') return value;
  throw new ProtocolError('"level" is no log level');
}

function refused(value: unknown): RefusedInside {
  if (value === 'E_LIMIT_RATE' || value === 'E_LIMIT_OUTPUT' || value === 'logs') return value;
  throw new ProtocolError('"what" is nothing that is refused');
}

function names(fields: Fields, key: string): string[] {
  const value = own(fields, key);
  const isName = (item: unknown): item is string =>
    typeof item === 'string' && item.length <= MAX_MEMBER_CHARS;
  if (!Array.isArray(value) || value.length > MAX_MEMBERS || !value.every(isName)) {
    throw new ProtocolError(`"${key}" is no list of names`);
  }
  return value;
}
