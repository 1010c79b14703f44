import { expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { NEIGHBOUR } from '../../support/sources.ts';
import { mag, temporaryFolder } from './mag-process.ts';

it('stops every extension of third parties, what needs another first', async () => {
  await using host = await TestHost.start();
  await using author = await Author.create('acme');
  await using folder = await temporaryFolder();
  await host.trust(author);
  const publish = (name: string, dependencies = {}) =>
    author.publish({ ...NEIGHBOUR, manifest: { ...NEIGHBOUR.manifest, name, dependencies } });
  await host.run(await publish('base'));
  await host.run(await publish('needy', { 'acme/base': '^1.0.0' }));

  const env = { MAG_URL: host.url, MAG_TOKEN: host.token };
  const own = await mag(
    ['extension:install', 'magflock/guestbook', '--approve', 'all', '--enable', '--yes'],
    {
      cwd: folder.path,
      env,
    },
  );
  expect([own.exitCode, own.stderr]).toEqual([0, '']);
  const run = await mag(['extension:disable', '--all-third-party', '--yes', '--output', 'json'], {
    cwd: folder.path,
    env,
  });
  expect([run.exitCode, JSON.parse(run.stdout)]).toEqual([
    0,
    { disabled: ['acme/needy', 'acme/base'], failed: [] },
  ]);
  expect((await host.show('acme/base')).state).toBe('disabled');
  expect((await host.show('magflock/guestbook')).state).toBe('enabled');

  const neither = await mag(['extension:disable', '--yes'], { cwd: folder.path, env });
  expect(neither.exitCode).toBe(2);
});
