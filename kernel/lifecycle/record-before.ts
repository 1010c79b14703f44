import type { ExtensionRecord } from '../ports.ts';

/** The record of an extension or a bundle as it was before it was moved: what is journaled of it, to come back to. */
export type RecordBefore = Omit<ExtensionRecord, 'updatedAt'>;

export function recordBefore({ updatedAt: _, ...record }: ExtensionRecord): RecordBefore {
  return record;
}
