import type { Envelope } from '@sigstore/bundle';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPES = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

/** What an in-toto statement says. Whoever takes it must not believe it before its envelope is verified. */
export interface Statement {
  /** The SHA-256 digests, hex, of its subjects. */
  readonly subjects: readonly string[];
  /** A URI; empty when it names none. */
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** The in-toto statement in an envelope; `null` when it holds none. */
export function readStatement(envelope: Envelope): Statement | null {
  if (envelope.payloadType !== PAYLOAD_TYPE) return null;
  const statement = parse(envelope.payload);
  const type = member(statement, '_type');
  const subjects = member(statement, 'subject');
  if (typeof type !== 'string' || !STATEMENT_TYPES.includes(type) || !Array.isArray(subjects)) return null;
  const predicateType = member(statement, 'predicateType');
  return {
    subjects: subjects
      .map((subject) => member(member(subject, 'digest'), 'sha256'))
      .filter((digest) => typeof digest === 'string')
      .map((digest) => digest.toLowerCase()),
    predicateType: typeof predicateType === 'string' ? predicateType : '',
    predicate: member(statement, 'predicate'),
  };
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    // No JSON is no statement, which is what the caller is told.
    return null;
  }
}

/** Of JSON that somebody else wrote. */
export function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}
