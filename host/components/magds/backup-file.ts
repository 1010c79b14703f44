import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MagError } from '../../../kernel/errors.ts';
import type { ConnectionTarget } from '../../storage/database-server.ts';
import { type PostgresTools, runTool } from '../../storage/postgres-tools.ts';

/** Schemas of the host: nothing of them is in a backup, and no restore touches them. */
const HOST_SCHEMAS = ['mag', 'mag_*'];

export interface WrittenFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The file of one backup, in the custom format of `pg_dump`. */
export class BackupFile {
  readonly #dir: string;
  readonly #path: string;

  /** @param id of the backup: no part of a path */
  constructor(dir: string, id: string) {
    this.#dir = dir;
    this.#path = join(dir, `${id}.dump`);
  }

  async exists(): Promise<boolean> {
    return access(this.#path).then(
      () => true,
      () => false,
    );
  }

  /** Writes it whole, or not at all. @throws `E_BACKUP`, or the reason of the signal */
  async write(tools: PostgresTools, target: ConnectionTarget, signal: AbortSignal): Promise<WrittenFile> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const part = `${this.#path}.part`;
    const meter = createMeter();
    try {
      const file = createWriteStream(part, { flags: 'wx', mode: 0o600 });
      const args = [
        '--format=custom',
        '--no-password',
        ...HOST_SCHEMAS.map((pattern) => `--exclude-schema=${pattern}`),
      ];
      await Promise.all([
        pipeline(meter.stream, file),
        runTool(tools.dump, args, target, { output: meter.stream, signal }),
      ]);
      await synced(part);
      await rename(part, this.#path);
      await synced(this.#dir);
      return meter.measured();
    } catch (error) {
      meter.stream.destroy();
      await rm(part, { force: true });
      throw toBackupError(error);
    }
  }

  /** @throws `E_BACKUP` unless it is, to the byte, what was written */
  async verify(expected: WrittenFile, signal: AbortSignal): Promise<void> {
    const meter = createMeter();
    try {
      await pipeline(createReadStream(this.#path), meter.stream, async (source) => {
        for await (const _ of source) signal.throwIfAborted();
      });
    } catch (error) {
      throw toBackupError(error);
    }
    const found = meter.measured();
    if (found.sha256 === expected.sha256 && found.sizeBytes === expected.sizeBytes) return;
    throw new MagError('E_BACKUP', 'The file of the backup is not the one that was made: it was changed.');
  }

  /** Puts its content into a database, in one transaction. @throws `E_BACKUP`, or the reason of the signal */
  async restore(
    tools: PostgresTools,
    target: ConnectionTarget,
    { clean, signal }: { clean: boolean; signal: AbortSignal },
  ): Promise<void> {
    const args = [
      `--dbname=dbname='${target.database.replaceAll(/['\\]/g, '\\$&')}'`,
      '--single-transaction',
      '--exit-on-error',
      '--no-password',
      ...(clean ? ['--clean', '--if-exists'] : []),
    ];
    // Through a pipe: it ends with the host.
    await runTool(tools.restore, args, target, { input: createReadStream(this.#path), signal });
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** What a host left that stopped while it wrote. */
  async removePart(): Promise<void> {
    await rm(`${this.#path}.part`, { force: true });
  }
}

/** `measured` is asked once, at the end. */
function createMeter(): { stream: Transform; measured(): WrittenFile } {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, measured: () => ({ sizeBytes, sha256: hash.digest('hex') }) };
}

/** Makes it outlive a power cut: a file, or what a folder lists. */
async function synced(path: string): Promise<void> {
  await using file = await open(path, 'r');
  await file.sync();
}

function toBackupError(error: unknown): MagError {
  if (error instanceof MagError) return error;
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return new MagError('E_BACKUP', `The file of the backup cannot be read or written${code}.`, {
    cause: error,
  });
}
