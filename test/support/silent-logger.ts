import type { Logger } from '../../kernel/ports.ts';

/** For what is not about logging. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
