/** One wall around the cells, as this machine can build it. */
export interface JailLayer {
  /** `network`, `no-new-privileges`; the same on every machine. */
  readonly name: string;
  readonly on: boolean;
  /** What it does, or why it is off. */
  readonly detail: string;
  /** How to get it; `null` when it is on. */
  readonly remedy: string | null;
}

/** Every layer of the jail, on or off, in a fixed order. */
export interface JailReport {
  readonly layers: readonly JailLayer[];
}

export function layerOn(name: string, detail: string): JailLayer {
  return { name, on: true, detail, remedy: null };
}

export function layerOff(name: string, detail: string, remedy: string): JailLayer {
  return { name, on: false, detail, remedy };
}
