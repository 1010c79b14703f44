import { type Blame, MagError } from '../../kernel/errors.ts';
import { isCode } from '../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { pathOf } from './client.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';
import { type Mark, paint } from './terminal.ts';

/** Seconds one request waits for the end of an operation whose stream was lost. */
const WAIT_SECONDS = 30;

const MARKS: Readonly<Record<string, readonly [mark: Mark, sign: string]>> = {
  done: ['ok', '✓'],
  failed: ['fail', '✗'],
  undone: ['warn', '↩'],
};

/**
 * Shows the steps of an operation as they happen and resolves with it when it succeeded.
 * @throws MagError with the code the operation ended with
 */
export async function followOperation(session: Session, id: string): Promise<JsonObject> {
  const steps = createStepPrinter(session);
  const path = pathOf('v1', 'operations', id, 'events');
  const stream = await session.client().events(path, {}, new AbortController().signal);
  try {
    for await (const { event, data } of stream) {
      if (event === 'step') steps.show(objectIn(JSON.parse(data) as Json));
      if (event === 'end') break;
    }
    // Asked for in any case: the stream may have ended before the operation did.
    const operation = await waitFor(session, id);
    for (const step of objectsIn(operation.steps)) steps.show(step);
    return succeeded(operation);
  } finally {
    steps.close();
  }
}

/** Waits for an operation without a word. @throws MagError with the code the operation ended with */
export async function endOfOperation(session: Pick<Session, 'client'>, id: string): Promise<JsonObject> {
  return succeeded(await waitFor(session, id));
}

async function waitFor(session: Pick<Session, 'client'>, id: string): Promise<JsonObject> {
  for (;;) {
    const answer = await session.client().get(pathOf('v1', 'operations', id), { wait: WAIT_SECONDS });
    const operation = objectIn(answer);
    if (operation.state !== 'running') return operation;
  }
}

function succeeded(operation: JsonObject): JsonObject {
  if (operation.state !== 'succeeded') throw failure(operation);
  return operation;
}

function failure(operation: JsonObject): MagError {
  const code = textIn(operation.error, 'code');
  const detail = textIn(operation.error, 'detail') || 'the host gave no reason';
  const undone = operation.state === 'rolled_back' ? ' (rolled back)' : '';
  const blame: Blame = { extension: textIn(operation, 'extension') };
  return new MagError(isCode(code) ? code : 'E_INTERNAL', detail + undone, { blame });
}

interface StepPrinter {
  /** A step in any state; one that was shown in that state before is not shown again. */
  show(step: JsonObject): void;
  /** Ends the line of a step that never ended itself. */
  close(): void;
}

/** Live marks on a terminal, a line for each finished step elsewhere, nothing where a program reads. */
function createStepPrinter({ terminal, output }: Session): StepPrinter {
  const { stdout } = terminal;
  const seen = new Set<string>();
  const live = stdout.isTTY;
  let lineIsOpen = false;
  return {
    show: (step) => {
      const [name, state] = [printable(textIn(step, 'name')), textIn(step, 'state')];
      if (output.format !== 'table' || seen.has(`${name} ${state}`)) return;
      seen.add(`${name} ${state}`);
      const detail = printable(textIn(step, 'detail'));
      const [mark, sign] = MARKS[state] ?? (['dim', '…'] as const);
      if (live) stdout.write(`\r\u001b[2K${paint(stdout, mark, sign)} ${name}`);
      lineIsOpen = live && state === 'running';
      if (state === 'running') return;
      stdout.write(live ? '' : `  ${state.padEnd(6)}  ${name}`);
      stdout.write(detail ? `: ${detail}\n` : '\n');
    },
    close: () => {
      if (lineIsOpen) stdout.write('\n');
    },
  };
}
