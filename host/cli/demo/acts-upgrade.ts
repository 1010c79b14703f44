import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../../manifests/json.ts';
import { objectIn, textIn } from '../answer.ts';
import { prove, type Scene } from './scene.ts';

const ID = 'demo/greeter';
const NEXT = '1.1.0';
const FILE = `greeter/demo-greeter-${NEXT}.mag`;
/** Together about a hundred requests a second: each greeting makes a few host calls of its budget of 500. */
const CLIENTS = 2;
const PAUSE_MS = 20;

/** What clients saw. */
interface Load {
  answered: number;
  readonly failures: string[];
}

/** A new version takes over under load, and goes again. */
export async function playUpgrade(scene: Scene): Promise<void> {
  const { mag, narrator, folder } = scene;
  narrator.act('A new version takes over while clients keep calling, and is rolled back');
  const manifest = join(folder, 'greeter', 'manifest.json');
  const source = JSON.parse(await readFile(manifest, 'utf8')) as JsonObject;
  await writeFile(manifest, JSON.stringify({ ...source, version: NEXT }, null, 2));
  await mag.run(['extension:pack', 'greeter']);
  await mag.run(['extension:sign', FILE, '--key', 'demo.key']);

  const load = keepCalling(scene);
  await mag.run(['extension:upgrade', ID, '--to', FILE, '--yes']);
  const upgraded = textIn(objectIn(await mag.json(['extension:show', ID])), 'version');
  await mag.run(['extension:rollback', ID, '--yes']);
  const back = textIn(objectIn(await mag.json(['extension:show', ID])), 'version');
  const { answered, failures } = await load.stop();
  prove(scene, `it was at ${NEXT} and is back at 1.0.0`, upgraded === NEXT && back === '1.0.0', {
    upgraded,
    back,
  });
  const steady = answered > 0 && failures.length === 0;
  prove(scene, `${answered} requests were answered meanwhile, none failed`, steady, failures);
}

/** Calls the endpoint over and over until it is stopped. */
function keepCalling({ host, signal }: Scene): { stop(): Promise<Load> } {
  const load: Load = { answered: 0, failures: [] };
  let on = true;
  const client = async (_: unknown, number: number) => {
    while (on && !signal.aborted) {
      const headers = { authorization: `Bearer ${host.token}` };
      const response = await fetch(`${host.url}/x/${ID}/greet/client-${number}`, { headers });
      const text = await response.text();
      if (response.ok) load.answered += 1;
      else load.failures.push(text);
      await sleep(PAUSE_MS);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  clients.catch(() => undefined); // told by stop()
  return {
    stop: async () => {
      on = false;
      await clients;
      return load;
    },
  };
}
