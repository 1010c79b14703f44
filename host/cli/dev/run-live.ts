import { join, resolve } from 'node:path';
import { codeOf, messageOf } from '../../../kernel/errors.ts';
import { readManifest } from '../../../kernel/trust/read-manifest.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { publisherOf } from '../../../manifests/manifest/publisher-of.ts';
import { objectIn } from '../answer.ts';
import { logLine } from '../commands/extension-logs.ts';
import { createTemporaryFolder } from '../demo/temporary-folder.ts';
import { extensionPath } from '../extension-id.ts';
import { printable } from '../printable.ts';
import { readFileOrRefuse } from '../read-file.ts';
import type { Session } from '../session.ts';
import { readConfig } from './dev-config.ts';
import { devKeyOf, trustDevKey } from './dev-key.ts';
import { onInterrupt } from './interruption.ts';
import { type Swap, swapIn } from './swap.ts';
import { SourceWatch } from './watch-sources.ts';

export interface LiveOptions {
  /** The folder of the extension. */
  readonly dir: string;
  /** JSON file with the configuration the extension is installed with. */
  readonly config?: string;
}

/**
 * Has a running host run what is in a folder, anew after every change, and shows what it logs, until Ctrl-C.
 * What cannot be built or does not start is said, and what ran before goes on.
 * @throws MagError when the host cannot be reached or does not trust the folder
 */
export async function runLive(session: Session, options: LiveOptions): Promise<void> {
  using interruption = onInterrupt();
  const { signal } = interruption;
  try {
    await live(session, options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function live(session: Session, options: LiveOptions, signal: AbortSignal): Promise<void> {
  const dir = resolve(session.terminal.cwd, options.dir);
  const { id } = readManifest(await readFileOrRefuse(join(dir, 'manifest.json'), 'manifest'));
  const config = await readConfig(session, options.config);
  const key = await devKeyOf(dir);
  await trustDevKey(session, publisherOf(id), key, new Date());
  await using folder = await createTemporaryFolder('mag-dev-');
  using watched = await SourceWatch.open(dir);
  const logs = new Logs(session, signal);
  const swap: Swap = {
    session,
    dir,
    workDir: folder.path,
    privateKey: key.privateKey,
    config,
    refused: new Set(),
    onStaged: (staged) => logs.follow(staged),
  };
  await attempt(swap, performance.now());
  session.output.say(`watching ${printable(options.dir)}, until Ctrl-C`);
  for await (const savedAt of watched.changes(signal)) await attempt(swap, savedAt);
  session.output.say(`stopped; ${id} goes on as it is: extension:disable or extension:uninstall ends it`);
}

async function attempt(swap: Swap, savedAt: number): Promise<void> {
  const { output } = swap.session;
  try {
    const { id, version } = await swapIn(swap);
    const ms = Math.round(performance.now() - savedAt);
    output.printItem({ live: { id, version, ms } }, () => `${id} ${version} is live after ${ms} ms`);
  } catch (error) {
    const [code, detail] = [codeOf(error), messageOf(error)];
    output.printItem({ error: { code, detail } }, () => printable(`error ${code}: ${detail}`));
  }
}

/** The log of the extension, from when the host first knows it. */
class Logs {
  readonly #session: Session;
  readonly #signal: AbortSignal;
  #following = false;

  constructor(session: Session, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
  }

  /** Resolves when the stream is open: no line of what starts now is missed. */
  async follow(id: ExtensionId): Promise<void> {
    if (this.#following) return;
    const stream = await this.#session.client().events(extensionPath(id, 'logs'), {}, this.#signal);
    this.#following = true;
    void this.#show(stream)
      .catch(() => {}) // the host went away: it is opened again with the next change
      .finally(() => (this.#following = false));
  }

  async #show(stream: AsyncIterable<{ readonly data: string }>): Promise<void> {
    for await (const { data } of stream) {
      const line = objectIn(JSON.parse(data) as Json);
      this.#session.output.printItem(line, () => logLine(line));
    }
  }
}
