import type { CurrentCall } from './current-call.ts';
import { formatLine, type LogLine } from './log.ts';

/** `console` writes to the log of the extension. */
export function createConsole(
  log: LogLine,
  current: CurrentCall,
): Record<string, (...values: unknown[]) => void> {
  const at =
    (level: string) =>
    (...values: unknown[]): void =>
      log(current.call, level, formatLine(values));
  return {
    debug: at('debug'),
    trace: at('debug'),
    log: at('info'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
