import { objectIn, objectsIn, textIn } from '../answer.ts';
import { prove, request, type Scene } from './scene.ts';

const ID = 'demo/greeter';
const FILE = 'greeter/demo-greeter-1.0.0.mag';
const GREETED = 'demo.greeter.greeted';

/** An author writes, packs and signs an extension, with no host involved. */
export async function playAuthor({ mag, narrator }: Scene): Promise<void> {
  narrator.act('An author scaffolds an extension with a hook, packs it and signs it');
  await mag.run(['key:generate', '--out', 'demo']);
  await mag.run(['extension:new', ID, '--template', 'hook', '--dir', 'greeter', '--yes']);
  await mag.run(['extension:pack', 'greeter']);
  await mag.run(['extension:sign', FILE, '--key', 'demo.key']);
}

/** An operator trusts the author, sees what the extension asks for, and lets it in. */
export async function playInstall(scene: Scene): Promise<void> {
  const { mag, narrator } = scene;
  narrator.act('An operator decides: whom to trust, and what to grant');
  const stranger = await mag.run(['extension:stage', FILE], 1);
  const refused = stranger.stderr.includes('E_SIG_UNTRUSTED');
  prove(scene, 'nobody is trusted by default: E_SIG_UNTRUSTED', refused, stranger.stderr);
  await mag.run(['trust:add', 'demo', '--key', 'demo.pub', '--tier', 'verified']);
  await mag.run(['extension:install', FILE, '--approve', 'all', '--enable', '--yes']);
  const { state } = objectIn(await mag.json(['extension:show', ID]));
  prove(scene, 'it is enabled, running in a jailed process of its own', state === 'enabled', state);
}

/** Its endpoint, its hook and its event, each seen from outside. */
export async function playCalls(scene: Scene): Promise<void> {
  const { mag, narrator } = scene;
  narrator.act('It works: an endpoint, a hook, an event');
  const greeting = await request(scene, `/x/${ID}/greet/ada`);
  const greeted = greeting.status === 200 && textIn(greeting.body, 'hello') === 'ada';
  prove(scene, 'the endpoint answered', greeted, greeting);
  const hooked = await request(scene, `/x/${ID}/headers`);
  const header = textIn(hooked.body, 'x-demo-greeter');
  prove(scene, 'its hook added a header that no client sent', header === '1', hooked);
  await mag.run(['event:tail', '--type', GREETED]);
  const events = objectsIn(await mag.json(['event:tail', '--type', GREETED]));
  const name = textIn(events[0]?.data, 'name');
  prove(
    scene,
    'its event is on the bus, durable and numbered',
    events.length === 1 && name === 'ada',
    events,
  );
}

/** A capability goes and comes back while the extension runs. */
export async function playRevocation(scene: Scene): Promise<void> {
  const { mag, narrator } = scene;
  narrator.act('A grant is revoked, at once and without a restart, and restored');
  const before = await request(scene, `/x/${ID}/now`);
  prove(scene, 'it may read the database', before.status === 200, before);
  await mag.run(['grant:revoke', ID, 'database.read']);
  const denied = await request(scene, `/x/${ID}/now`);
  const code = textIn(denied.body, 'code');
  prove(
    scene,
    'now the call is refused: E_CAP_REVOKED',
    denied.status === 403 && code === 'E_CAP_REVOKED',
    denied,
  );
  const greeting = await request(scene, `/x/${ID}/greet/ada`);
  prove(scene, 'the rest of it lives on', greeting.status === 200, greeting);
  await mag.run(['grant:add', ID, 'database.read']);
  const after = await request(scene, `/x/${ID}/now`);
  prove(scene, 'restored, it works again', after.status === 200, after);
}
