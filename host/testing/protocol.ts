/** What the harness in the author's process and the program of the test host tell each other, over Node's channel. */

/** The first message: what to start. */
export interface StartTestHost {
  /** Absolute. */
  readonly dir: string;
  /** Folders of extensions that are installed before it. Absolute. */
  readonly dependencies: readonly string[];
  readonly config: object | null;
  readonly secrets: Readonly<Record<string, string>>;
  readonly keys: readonly string[];
  readonly approve: 'all' | readonly string[];
  /** A Postgres server to make a database on; `null`: an embedded one. */
  readonly database: string | null;
}

/** The answer. When the channel closes, the host ends. */
export type TestHostReply =
  | {
      readonly kind: 'ready';
      readonly id: string;
      readonly version: string;
      readonly url: string;
      readonly token: string;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };
