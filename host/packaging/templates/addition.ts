import type { Naming } from './naming.ts';

/** What a template adds to the greeting that all of them begin with. */
export interface Addition {
  readonly capabilities?: readonly { readonly name: string; readonly reason: string }[];
  /** Further members of `contributes` in the manifest; endpoints are added to those of the greeting. */
  readonly endpoints?: readonly object[];
  readonly subscribes?: readonly string[];
  /** All other members, as they are. */
  readonly contributes?: Readonly<Record<string, readonly object[]>>;
  /** Source of further endpoints, and of further members of the definition, with the indentation they have there. */
  readonly endpointSource?: string;
  readonly memberSource?: string;
  /** Further tests, with a recording `ctx` and with a test host. */
  readonly unitTest?: string;
  readonly sandboxTest?: string;
  /** Further files, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** A paragraph for the README. */
  readonly readme?: string;
}

export type MakeAddition = (naming: Naming) => Addition;
