import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeJail } from '../../../host/jail-report.ts';
import { probeJail } from '../../../kernel/sandbox/index.ts';
import { TestHost } from '../../support/host.ts';

interface Named {
  readonly name: string;
  readonly detail: string;
}

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.start();
});
afterAll(() => host?.[Symbol.asyncDispose]());

describe('the jail of a running host', () => {
  it('is told layer by layer', async () => {
    const { body } = await host.ask('GET', '/v1/host');
    // The same machine a moment later: only the cgroup is in use by now.
    const others = (layers: readonly Named[]) => layers.filter(({ name }) => name !== 'cgroup');
    expect(others(body.jail)).toEqual(others(describeJail(await probeJail())));
    expect(body.jail.map(({ name }: Named) => name)).toContain('cgroup');
  });

  it('is a degradation wherever it is off, ready or not', async () => {
    const { body } = await host.ask('GET', '/v1/host');
    const off = body.jail
      .filter(({ on }: { on: boolean }) => !on)
      .map(({ name, detail }: Named) => ({ name: `jail: ${name}`, detail }));
    const ofJail = ({ name }: Named) => name.startsWith('jail: ');
    expect(body.degradations.filter(ofJail)).toEqual(off);
    const ready = await host.ask('GET', '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body.degradations.filter(ofJail)).toEqual(off);
  });
});
