import addFormats from 'ajv-formats';
import { EVENTS, type EventType, eventRow, isHostEvent } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import { type BoundedCheck, boundedCheck } from '../../manifests/manifest/bounded-check.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';
import { MagError } from '../errors.ts';

/** The component that events published by extensions are ordered within. */
export const EXTENSION_COMPONENT = 'extension';

interface KnownType {
  readonly component: string;
  readonly requires: readonly string[];
  readonly highRate: boolean;
  /** What is wrong with its data. */
  readonly problem: BoundedCheck;
}

/** The event types that may be published now, and what their data must look like. */
export class EventTypes {
  readonly #types = new Map<string, KnownType>();
  readonly #owned = new Map<ExtensionId, string[]>();

  constructor() {
    const ajv = compiler();
    for (const type of Object.keys(EVENTS) as EventType[]) {
      const row = eventRow(type);
      this.#types.set(type, {
        component: row.component,
        requires: row.requires,
        highRate: row.highRate === true,
        problem: boundedCheck('data', row.data, ajv.later(row.data)),
      });
    }
  }

  /**
   * Adds the types an extension publishes, with the schemas of its package. Replaces the ones it had.
   * @throws `E_MANIFEST_INVALID` when a schema does not compile
   */
  declare(id: ExtensionId, schemas: ReadonlyMap<string, object>): void {
    const ajv = compiler(); // its own: a schema with an `$id` must not meet another extension's
    const compiled = [...schemas].map(([type, schema]) => [type, compile(ajv, type, schema)] as const);
    this.retract(id);
    for (const [type, problem] of compiled) {
      this.#types.set(type, { component: EXTENSION_COMPONENT, requires: [], highRate: false, problem });
    }
    this.#owned.set(id, [...schemas.keys()]);
  }

  retract(id: ExtensionId): void {
    for (const type of this.#owned.get(id) ?? []) this.#types.delete(type);
    this.#owned.delete(id);
  }

  /** The component whose log the events of a type are in; types of extensions need not be known yet. */
  componentOf(type: string): string {
    return isHostEvent(type) ? eventRow(type).component : EXTENSION_COMPONENT;
  }

  isHighRate(type: string): boolean {
    return this.#types.get(type)?.highRate === true;
  }

  requirements(type: string): readonly string[] {
    return this.#types.get(type)?.requires ?? [];
  }

  /** @throws `E_EVENT_SCHEMA` when the type is unknown or the data does not match */
  check(type: string, data: Json): void {
    const known = this.#types.get(type);
    if (known === undefined)
      throw new MagError('E_EVENT_SCHEMA', `the event type ${type} is not known on this host`);
    const problem = known.problem(data);
    if (problem !== null) throw new MagError('E_EVENT_SCHEMA', `${type}: ${problem}`);
  }
}

/** The event types an extension may publish begin with this: `acme/hello` owns `acme.hello.`. */
export function namespaceOf(id: ExtensionId): string {
  return `${id.replace('/', '.')}.`;
}

function compiler(): SchemaCompiler {
  const ajv = new SchemaCompiler({ strict: false });
  addFormats.default(ajv);
  return ajv;
}

function compile(ajv: SchemaCompiler, type: string, schema: object): BoundedCheck {
  try {
    return boundedCheck('data', schema, ajv.compile(schema));
  } catch (cause) {
    throw new MagError('E_MANIFEST_INVALID', `the schema of event ${type} does not compile`, { cause });
  }
}
