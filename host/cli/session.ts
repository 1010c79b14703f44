import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { type Client, createClient } from './client.ts';
import { createOutput, type Output, toFormat } from './output.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** The options every command takes. */
export interface GlobalOptions {
  readonly output?: string;
  readonly url?: string;
  readonly token?: string;
  readonly yes?: boolean;
}

/** What a command works with. Nothing is read or opened before it is asked for: most commands need little. */
export interface Session {
  readonly terminal: Terminal;
  readonly output: Output;
  /** Every question is answered with yes. */
  readonly yes: boolean;
  config(): Config;
  client(): Client;
  /** Whether the host that is talked to is one of this machine, so that the local data folder may be its. */
  isLocal(): boolean;
}

/** How a command gets at its session: from the options it was called with. */
export type OpenSession = (command: Command) => Session;

export function createSession(terminal: Terminal, options: GlobalOptions): Session {
  let config: Config | undefined;
  let client: Client | undefined;
  const read = () => (config ??= loadConfig(terminal.env, terminal.cwd));
  return {
    terminal,
    output: createOutput(terminal, toFormat(options.output)),
    yes: options.yes ?? false,
    config: read,
    client: () => (client ??= connect(read(), options)),
    isLocal: () => isLocal(read(), new URL(hostUrl(read(), options)).hostname),
  };
}

function connect(config: Config, options: GlobalOptions): Client {
  const url = hostUrl(config, options);
  return createClient(url, options.token ?? config.token ?? localToken(config, url));
}

function hostUrl(config: Config, options: GlobalOptions): string {
  const url = options.url ?? config.url ?? `http://${authority(config)}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new UsageError(`--url and MAG_URL take an http:// or https:// address; got "${url}"`);
}

/**
 * The administrator's token of the local data folder. It is only ever sent to this machine: an address given
 * by `--url` may be anybody's.
 */
function localToken(config: Config, url: string): string | null {
  if (!isLocal(config, new URL(url).hostname)) return null;
  try {
    return readFileSync(join(config.dataDir, 'admin.token'), 'utf8').trim();
  } catch {
    // No token is not an error yet: the host says E_AUTH_REQUIRED where one is needed.
    return null;
  }
}

function isLocal(config: Config, hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname) || hostname === config.host
  );
}

/** Where a host with this configuration is reached from this machine. */
function authority({ host, port }: Config): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
