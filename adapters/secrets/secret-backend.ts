import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** A real secret: of one extension, or (`null`) one that extensions can be bound to. */
export interface SecretId {
  /** `[A-Z][A-Z0-9_]*` */
  readonly name: string;
  readonly extension: ExtensionId | null;
}

/** `unusable`: it is there, and not to be used; `why` is for the operator and says nothing of the value. */
export type SecretValue =
  | { readonly state: 'present'; readonly value: string }
  | { readonly state: 'missing' }
  | { readonly state: 'unusable'; readonly why: string };

/** A place where real secrets are kept: one file in this folder each, and a line where the adapter is made. */
export interface SecretBackend {
  /** What operators call it. */
  readonly kind: string;
  /**
   * Reads it as it is now, so that a changed one is the next that is read.
   * @param tenantId on whose behalf, for places that keep some apart; `null`: nobody's
   */
  read(secret: SecretId, tenantId: string | null): Promise<SecretValue>;
  /** Those that are there, usable or not. */
  list(): Promise<readonly SecretId[]>;
}

const NAME = /^[A-Z][A-Z0-9_]{0,79}$/;

export function isSecretName(text: string): boolean {
  return NAME.test(text);
}

/** Longest value. */
export const MAX_SECRET_BYTES = 65_536;

/** The value in the bytes of a file: text, without the line end that editors leave at its end. */
export function secretIn(content: Buffer): SecretValue {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return { state: 'unusable', why: 'it is no UTF-8 text' };
  }
  const value = text.replace(/\r?\n$/, '');
  return value === '' ? { state: 'unusable', why: 'it is empty' } : { state: 'present', value };
}
