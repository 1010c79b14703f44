import type { CapabilityName } from '../../catalog/capabilities.ts';
import type { Code } from '../../catalog/codes.ts';
import type { ComponentId } from '../../catalog/components.ts';

export interface CallRow {
  /** The component that does it, and the hook of its adapter. Absent: the kernel does it itself. */
  readonly adapter?: { readonly component: ComponentId; readonly hook: string };
  /**
   * What the caller must hold: one capability, `any` of a family when only the content of the call decides
   * (the adapter then names what it needs, and the gate decides again), or `none` for what every extension
   * has of its own. `anyOf` without an adapter: the first of the family that the manifest declares.
   */
  readonly needs:
    | { readonly capability: CapabilityName }
    | { readonly anyOf: readonly CapabilityName[] }
    | 'none';
  /** Milliseconds after which the host gives up. */
  readonly deadlineMs: number;
  /** Codes it may fail with, beyond those of every call (`errorsOf`). */
  readonly errors: readonly Code[];
  /** JSON Schema of the parameters. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** The schema of parameters that are these and no others. */
export const object = (properties: Record<string, unknown>, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** Of what the manifest declares: a job, a channel. */
export const name = { type: 'string', pattern: '^[a-z][a-z0-9_-]*$', maxLength: 80 } as const;
/** Of a value in a space of keys. */
export const key = { type: 'string', minLength: 1, maxLength: 512 } as const;
export const transaction = { type: 'string', format: 'uuid' } as const;

/** Of what may be part of a transaction of the extension. */
export const TRANSACTION_ERRORS = ['E_DB', 'E_DB_TIMEOUT', 'E_STATE', 'E_STORAGE'] as const;
