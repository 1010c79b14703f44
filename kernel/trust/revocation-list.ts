import schema from '../../manifests/manifest/manifest.schema.json' with { type: 'json' };
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { describe, formats } from '../../manifests/manifest/validator.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';
import { MagError } from '../errors.ts';
import type { SignerMark } from './signers.ts';

export const MAX_LIST_BYTES = 1_048_576;
const MAX_ENTRIES = 5_000;

/** What is taken back: one package, versions of an extension, a key, an identity, or all of a publisher. */
export type RevokedThing =
  /** Hex of the archive. */
  | { readonly kind: 'package'; readonly sha256: string }
  /** A semver range; pre-releases are within it. */
  | { readonly kind: 'version'; readonly id: ExtensionId; readonly versions: string }
  | SignerMark
  | { readonly kind: 'publisher'; readonly publisher: string };

export type RevocationEntry = RevokedThing & {
  readonly reason: string;
  /** When it was taken back. */
  readonly revokedAt: string;
};

/** What an issuer takes back, as of a number that only rises. */
export interface RevocationList {
  readonly listVersion: 1;
  /** The name it goes by in trust policies. */
  readonly issuer: string;
  readonly number: number;
  readonly issuedAt: string;
  /** From then on a newer one is overdue. */
  readonly nextUpdate: string;
  readonly revoked: readonly RevocationEntry[];
}

/** A list that counts here, and within what limits. */
export interface ActiveList {
  readonly list: RevocationList;
  /** Whose packages it may take back. `null`: everybody's. */
  readonly publishers: readonly string[] | null;
  /** Why an operator should see to it: it is overdue, or who signed it is not trusted any more. Else `null`. */
  readonly trouble: string | null;
}

const NAME = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{1,38}$' } as const;
const HEX = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const TIME = { type: 'string', format: 'time', maxLength: 40 } as const;
const TEXT = { type: 'string', minLength: 1, maxLength: 1_000 } as const;
const KINDS = {
  package: { sha256: HEX },
  version: {
    id: { type: 'string', pattern: schema.properties.id.pattern },
    versions: { type: 'string', minLength: 1, maxLength: 128, format: 'semver-range' },
  },
  key: { fingerprint: HEX },
  identity: { issuer: TEXT, san: TEXT },
  publisher: { publisher: NAME },
} as const;

const compiler = new SchemaCompiler({
  strict: true,
  strictRequired: false,
  ownProperties: true,
  discriminator: true,
  formats: { ...formats, time: isTime },
});
const isList = compiler.later<RevocationList>({
  type: 'object',
  additionalProperties: false,
  required: ['listVersion', 'issuer', 'number', 'issuedAt', 'nextUpdate', 'revoked'],
  properties: {
    listVersion: { const: 1 },
    issuer: NAME,
    number: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    issuedAt: TIME,
    nextUpdate: TIME,
    revoked: {
      type: 'array',
      maxItems: MAX_ENTRIES,
      items: {
        type: 'object',
        required: ['kind'],
        discriminator: { propertyName: 'kind' },
        oneOf: Object.entries(KINDS).map(([kind, members]) => ({
          additionalProperties: false,
          required: ['kind', 'reason', 'revokedAt', ...Object.keys(members)],
          properties: { kind: { const: kind }, ...members, reason: TEXT, revokedAt: TIME },
        })),
      },
    },
  },
});

/**
 * Reads a revocation list. Nothing is verified yet.
 * @throws `E_REVOCATION_LIST`
 */
export function readRevocationList(bytes: Uint8Array): RevocationList {
  if (bytes.byteLength > MAX_LIST_BYTES) throw refuseList('The revocation list is over 1 MiB');
  const json = parseJson(bytes);
  if (!isList(json)) {
    const [problem = 'is wrong'] = describe(isList.errors ?? []);
    throw refuseList(`The revocation list: ${problem.slice(0, 300)}`);
  }
  if (Date.parse(json.nextUpdate) <= Date.parse(json.issuedAt))
    throw refuseList('The revocation list: nextUpdate must be later than issuedAt');
  return json;
}

export function refuseList(sentence: string, cause?: unknown): MagError {
  return new MagError('E_REVOCATION_LIST', `${sentence}.`, { cause });
}

/** An entry in a line: `version acme/hello <1.2.3`. */
export function entryText(entry: RevokedThing): string {
  switch (entry.kind) {
    case 'package':
      return `package sha256:${entry.sha256}`;
    case 'version':
      return `version ${entry.id} ${entry.versions}`;
    case 'key':
      return `key ${entry.fingerprint}`;
    case 'identity':
      return `identity ${entry.san} of ${entry.issuer}`;
    case 'publisher':
      return `publisher ${entry.publisher}`;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refuseList('The revocation list is not JSON, or cut off', cause);
  }
}

/** `2026-11-21T12:00:00Z`: of a zone, so that it means the same everywhere. */
function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}
