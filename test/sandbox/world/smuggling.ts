import { expect } from 'vitest';
import type { Code } from '../../../manifests/catalog/index.ts';
import type { Assault } from './siege.ts';

export interface Smuggling {
  readonly name: string;
  /** The bytes of the package; they are signed as they are, by a publisher who is trusted. */
  readonly archive: () => Promise<Uint8Array>;
  readonly code: Code;
}

/** One attack by the archive itself: it is refused on the way in, on record, and nothing of it stays. */
export function smuggling({ name, archive, code }: Smuggling): Assault {
  const run: Assault['run'] = async (world) => {
    const bytes = await archive();
    const bundle = await world.mallory.sign(bytes);
    await world.begin();
    const form = new FormData();
    form.append('package', new Blob([new Uint8Array(bytes)]), '../../outside.mag');
    form.append('bundle', new Blob([bundle]), 'outside.mag.sigstore.json');
    const answer = await world.ask('POST', '/v1/extensions', { body: form });
    expect(answer.body.code).toBe(code);
    const { body } = await world.ask('GET', '/v1/extensions');
    expect(body.extensions.map(({ id }: { id: string }) => id)).toEqual(['acme/canary']);
    await world.expectUnharmed(['extension.stage']);
  };
  return { name, run };
}
