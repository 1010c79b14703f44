/**
 * What the manifest declares. Empty here: `mag extension:types` writes `src/magflock.d.ts`, which fills it in, and
 * from then on code that the manifest does not cover does not compile.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is merged with what is generated
export interface Declared {}

/** What it declares of one kind; `Otherwise` while there are no generated types. */
export type DeclaredOf<Kind extends string, Otherwise> = Declared extends {
  readonly [K in Kind]: infer Names;
}
  ? Names
  : Otherwise;

/** Whether there are generated types. */
export type IsDeclared = keyof Declared extends never ? false : true;
