import { isSecretName, type SecretBackend, type SecretValue } from './secret-backend.ts';

/** What a mapping can lead to. */
export interface SecretPlace {
  /** Why a reference leads nowhere in here, as the end of a sentence; `null`: it is one. Nothing is asked for it. */
  refProblem(ref: string): string | null;
  /** Reads it as it is now. Never throws. @param ref without a problem, or nothing is read */
  readRef(ref: string): Promise<SecretValue>;
}

/** The shared secrets of a backend, by their names. */
export function placeOf(backend: SecretBackend): SecretPlace {
  const refProblem = (ref: string) =>
    isSecretName(ref) ? null : 'is no name of a secret: capitals, digits and _, a capital first';
  return {
    refProblem,
    readRef: async (ref) =>
      refProblem(ref) === null
        ? backend.read({ name: ref, extension: null }, null)
        : { state: 'unusable', why: `the reference ${refProblem(ref)}` },
  };
}
