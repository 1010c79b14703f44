/** A value that survives JSON unchanged: all that ever crosses the wall between host and sandbox. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object. `undefined` members vanish when it is encoded. */
export interface JsonObject {
  [key: string]: Json | undefined;
}
