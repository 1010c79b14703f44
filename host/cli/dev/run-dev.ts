import { once } from 'node:events';
import type { Session } from '../session.ts';
import { details } from '../table.ts';
import { type DevHost, type DevHostOptions, openDevHost } from './dev-host.ts';
import { type InspectorServer, openInspector } from './inspector-server.ts';
import { followLogs, installAll } from './install.ts';
import { onInterrupt } from './interruption.ts';

export interface DevOptions extends DevHostOptions {
  /** Of the debugger; 0: any free one. */
  readonly inspectPort: number;
}

/**
 * Runs an extension under a debugger on a host of its own until Ctrl-C, and leaves nothing behind.
 * @throws MagError with the code of what failed before it ran
 */
export async function runDev(session: Session, options: DevOptions): Promise<void> {
  using interruption = onInterrupt();
  const { signal } = interruption;
  try {
    await debug(session, options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  session.output.say('stopped; the host and all it stored are gone');
}

async function debug(session: Session, options: DevOptions, signal: AbortSignal): Promise<void> {
  await using host = await openDevHost(session, options, signal);
  await installAll(host);
  const { id, version } = host.manifest;
  const wanted = { port: options.inspectPort, title: `${id} ${version}` };
  await using inspector = await openInspector(host.debugger, wanted);
  announce(host, inspector);
  await Promise.all([followLogs(host, signal), left(signal)]);
}

function announce({ session, manifest, url, token }: DevHost, inspector: InspectorServer): void {
  const { id, version } = manifest;
  const endpoints = manifest.contributes.endpoints.map(
    ({ method, path, version }) => `${method} ${url}${version === 1 ? '' : `/v${version}`}/x/${id}${path}`,
  );
  const answer = { id, version, url, token, endpoints, inspector: inspector.url };
  session.output.printItem(answer, () => {
    const head = details([
      ['extension', `${id} ${version}, in debug mode: no deadlines`],
      ['token', token],
      ['debugger', inspector.url],
      ['Chrome', inspector.devtoolsUrl],
      ['VS Code', `attach to Node, port ${inspector.port}`],
    ]);
    return `\n${head}\n\n${endpoints.map((one) => `  ${one}`).join('\n')}\n\nIts log, until Ctrl-C:`;
  });
}

async function left(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
