import { spawn } from 'node:child_process';
import { MagError } from '../../kernel/errors.ts';

/** The system account Postgres runs as. `null` stands for the account of the host itself. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface CommandResult {
  readonly code: number;
  readonly output: string;
}

const OWN_ACCOUNT = 'magflock-pg';
const MAX_OUTPUT_CHARS = 64_000;

/**
 * Runs a program to its end, as the account. The environment is empty but for what the programs need, so no
 * secret of the host leaks into a server that outlives it; a session of its own keeps Ctrl-C away from it.
 * @throws what `spawn` reports: `ENOENT`, `EACCES`
 */
export function runAs(
  account: ServerAccount | null,
  program: string,
  args: readonly string[],
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT_CHARS) output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, output: output.trim() }));
  });
}

/**
 * Whom Postgres runs as. It refuses to run as root, so a host that is root uses the account `postgres`, or
 * creates one of its own.
 * @throws `E_CONFIG` when there is no account to use
 */
export async function serverAccount(): Promise<ServerAccount | null> {
  if (process.getuid?.() !== 0) return null;
  const known = (await lookUp('postgres')) ?? (await lookUp(OWN_ACCOUNT));
  if (known !== null) return known;
  const args = ['--system', '--no-create-home', '--user-group', '--shell', '/bin/false', OWN_ACCOUNT];
  const made = await runAs(null, 'useradd', args).catch((cause: unknown) => {
    throw noAccount(cause);
  });
  const created = made.code === 0 ? await lookUp(OWN_ACCOUNT) : null;
  if (created === null) throw noAccount(new Error(made.output));
  return created;
}

async function lookUp(name: string): Promise<ServerAccount | null> {
  const [uid, gid] = await Promise.all([runAs(null, 'id', ['-u', name]), runAs(null, 'id', ['-g', name])]);
  if (uid.code !== 0 || gid.code !== 0) return null;
  return { name, uid: Number(uid.output), gid: Number(gid.output) };
}

function noAccount(cause: unknown): MagError {
  return new MagError(
    'E_CONFIG',
    `Postgres refuses to run as root and the account ${OWN_ACCOUNT} could not be created: run the host as another user, create that account, or set DATABASE_URL.`,
    { cause },
  );
}
