import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Json } from '../../manifests/json.ts';
import type { SignerBody } from '../trust/signer-body.ts';
import type { TrustAdmin } from '../trust/trust-admin.ts';
import { isRefused } from './client.ts';
import { readFileOrRefuse } from './read-file.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/** What a command takes that names a key or an identity to trust. */
export interface SignerOptions {
  readonly key?: string;
  readonly issuer?: string;
  readonly san?: string;
  readonly trustedRoot?: string;
  readonly from?: string;
  readonly until?: string;
}

/** @param times what `--from` and `--until` say of themselves */
export function addSignerOptions(command: Command, times: { from: string; until: string }): Command {
  return command
    .option('--key <file.pub>', 'the public key, PEM')
    .addOption(new Option('--issuer <url>', 'who issued the identity token of the signer').conflicts('key'))
    .addOption(new Option('--san <uri>', 'the identity: of a workflow, or a mail address').conflicts('key'))
    .option('--trusted-root <file>', 'the Sigstore trusted_root.json that certificates must lead to')
    .option('--from <time>', times.from)
    .option('--until <time>', times.until);
}

/** As the API takes it. @throws UsageError naming `command` */
export async function readSigner(
  { terminal: { cwd } }: Session,
  command: string,
  { key, issuer, san, trustedRoot, ...options }: SignerOptions,
): Promise<SignerBody> {
  const times = timesOf(options);
  if (key !== undefined)
    return { publicKey: (await readFileOrRefuse(resolve(cwd, key), 'key')).toString(), ...times };
  if (issuer === undefined || san === undefined)
    throw new UsageError(`${command} needs --key, or --issuer with --san`);
  const root = trustedRoot === undefined ? {} : { trustedRoot: await readRoot(cwd, trustedRoot) };
  return { identity: { issuer, san }, ...root, ...times };
}

async function readRoot(cwd: string, file: string): Promise<Json> {
  const text = (await readFileOrRefuse(resolve(cwd, file), 'trusted root')).toString();
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new UsageError(`${file} is not JSON`);
  }
}

/** When a key or identity may sign. */
function timesOf({ from, until }: Pick<SignerOptions, 'from' | 'until'>): {
  notBefore?: string;
  notAfter?: string;
} {
  return {
    ...(from === undefined ? {} : { notBefore: timeOf(from) }),
    ...(until === undefined ? {} : { notAfter: timeOf(until) }),
  };
}

function timeOf(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new UsageError(`${text} is no time such as 2027-12-31T00:00:00Z`);
  return time.toISOString();
}

/** What a command takes that names one key or identity to trust no longer, or none: all. */
export interface RemovalOptions {
  readonly keyId?: string;
  readonly identity?: string;
}

export function addRemovalOptions(command: Command, only: { key: string; identity: string }): Command {
  return command
    .option('--key-id <id>', only.key)
    .addOption(new Option('--identity <san>', only.identity).conflicts('keyId'));
}

/** Where the API has it, below whose it is. */
export function removalPath({ keyId, identity }: RemovalOptions): string[] {
  if (keyId !== undefined) return ['keys', keyId];
  return identity === undefined ? [] : ['identities', identity];
}

/**
 * Asks the running host, which takes the change up at once. Without one on this machine the file in the data
 * folder is edited, for the host that is started next. Another machine's host is never edited by mistake.
 */
export async function onHostOrFile<Asked, Edited>(
  session: Session,
  ask: () => Promise<Asked>,
  edit: (trust: TrustAdmin) => Promise<Edited>,
): Promise<Asked | Edited> {
  try {
    return await ask();
  } catch (error) {
    if (!isRefused(error) || !session.isLocal()) throw error;
    const { dataDir } = session.config();
    session.output.say(`no host is running: this is the trust policy in ${dataDir}`);
    const { createTrustAdmin } = await import('../trust/trust-admin.ts');
    return edit(createTrustAdmin(dataDir));
  }
}
