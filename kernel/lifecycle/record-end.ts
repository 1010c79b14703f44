import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { MagError } from '../errors.ts';
import type { Principal } from '../operator.ts';
import type { OperationKind } from '../ports.ts';
import { announce } from './announce.ts';
import type { Parts } from './parts.ts';

/** A move that ended, well or not. */
export interface Ended {
  readonly kind: OperationKind;
  readonly extension: ExtensionId;
  readonly version: string;
  readonly by: Principal;
  /** What the audit says besides the version. */
  readonly detail: JsonObject;
  readonly error: MagError | null;
}

const MOVED = {
  install: 'extension.installed',
  enable: 'extension.enabled',
  disable: 'extension.disabled',
  uninstall: 'extension.uninstalled',
  upgrade: 'extension.upgraded',
  rollback: 'extension.upgraded',
} as const;

/** Puts the end of a move on record, and announces it when it went well. */
export async function recordEnd(
  parts: Pick<Parts, 'audit' | 'bus' | 'logger'>,
  { kind, extension, version, by, detail, error }: Ended,
): Promise<void> {
  await parts.audit.record({
    principal: by.id,
    tenant: by.tenant,
    action: `extension.${kind}`,
    target: extension,
    outcome: error === null ? 'ok' : 'failed',
    detail: error === null ? { version, ...detail } : { version, code: error.code, detail: error.message },
  });
  if (error !== null) return;
  const told = detail.reason === undefined ? {} : { reason: JSON.stringify(detail.reason) };
  await announce(parts, MOVED[kind], { extension, version, ...told });
}
