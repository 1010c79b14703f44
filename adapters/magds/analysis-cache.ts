import type { Analysis } from './sql-gate.ts';

/** Analyses kept, and the text they are found by, in characters. */
const MAX_ENTRIES = 2_000;
const MAX_CHARACTERS = 4_000_000;
/** A longer statement is rarely sent twice, and one of them would push out hundreds that are. */
const MAX_STATEMENT = 8_192;

export interface AnalysisCache {
  get(ownSchema: string, sql: string): Analysis | undefined;
  put(ownSchema: string, sql: string, analysis: Analysis): void;
}

/**
 * Remembers what was asked for last. An extension decides what is in it, so it is bounded twice.
 * @param maxStatement characters of the longest statement that is kept
 */
export function createAnalysisCache(maxStatement: number = MAX_STATEMENT): AnalysisCache {
  const entries = new Map<string, Analysis>();
  let characters = 0;
  // No schema and no statement holds a NUL.
  const keyOf = (ownSchema: string, sql: string): string => `${ownSchema}\0${sql}`;
  const drop = (key: string): void => {
    if (entries.delete(key)) characters -= key.length;
  };
  return {
    get(ownSchema, sql) {
      const key = keyOf(ownSchema, sql);
      const found = entries.get(key);
      if (found === undefined) return undefined;
      entries.delete(key);
      entries.set(key, found);
      return found;
    },
    put(ownSchema, sql, analysis) {
      if (sql.length > maxStatement) return;
      const key = keyOf(ownSchema, sql);
      drop(key);
      entries.set(key, analysis);
      characters += key.length;
      for (const oldest of entries.keys()) {
        if (entries.size <= MAX_ENTRIES && characters <= MAX_CHARACTERS) break;
        drop(oldest);
      }
    },
  };
}
