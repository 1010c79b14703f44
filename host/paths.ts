import { resolve } from 'node:path';

/** The folder of this checkout. */
export const ROOT_DIR = resolve(import.meta.dirname, '..');
/** What is built from this checkout: the runner and the first-party packages. */
export const BUILD_DIR = resolve(ROOT_DIR, '.build');
/** First-party packages, signed on this machine. */
export const PACKAGES_DIR = resolve(BUILD_DIR, 'packages');
