import { join } from 'node:path';
import type { Json } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { ROGUE, writeRogue } from './rogue.ts';
import { prove, request, type Scene } from './scene.ts';

/** An extension that does what it never declared is terminated at its first try. */
export async function playRogue(scene: Scene): Promise<void> {
  const { folder, mag, narrator } = scene;
  narrator.act('A rogue: it declares an endpoint, and reads the database it never asked for');
  await writeRogue(join(folder, 'rogue'));
  await mag.run(['extension:pack', 'rogue', '--out', 'rogue.mag']);
  await mag.run(['extension:sign', 'rogue.mag', '--key', 'demo.key']);
  await mag.run(['extension:install', 'rogue.mag', '--approve', 'all', '--enable', '--yes']);
  const answer = await request(scene, '/x/demo/rogue/greet');
  const refused = answer.status === 403 && textIn(answer.body, 'code') === 'E_CAP_UNDECLARED';
  prove(scene, 'the call ended with E_CAP_UNDECLARED, though it caught the refusal', refused, answer);
  const { state } = objectIn(await mag.json(['extension:show', ROGUE]));
  prove(scene, 'it was terminated: its state is "quarantined"', state === 'quarantined', state);
  const again = await request(scene, '/x/demo/rogue/greet');
  prove(scene, 'it stays off until an operator says otherwise', again.status === 503, again);
}

/** What remains of it: the record. */
export async function playEnd(scene: Scene): Promise<void> {
  const { mag, narrator } = scene;
  narrator.act('The audit log remembers, and proves that nobody edited it');
  await mag.run(['audit:list', '--target', ROGUE, '--limit', '5']);
  const records = await mag.json(['audit:list', '--target', ROGUE]);
  const denial = objectsIn(records).find((record) => mentions(record, 'E_CAP_UNDECLARED'));
  prove(scene, 'the attempt is on record', denial !== undefined, records);
  await mag.run(['audit:verify']);
}

function mentions(record: Json, code: string): boolean {
  return JSON.stringify(record).includes(code);
}
