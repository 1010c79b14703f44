/** What may lie at the top of a package; everything else lies in one of the folders. */
const TOP_FILES = new Set(['manifest.json', 'README.md', 'LICENSE']);
export const PACKAGE_FOLDERS = ['dist', 'migrations', 'schemas', 'ui'] as const;

const MAX_NAME_CHARS = 255;
/**
 * Plain ASCII only: names that a file system would fold together (Unicode forms, trailing dots, streams)
 * cannot be written with these. A leading dot is refused too, and with it `.` and `..`.
 */
const SEGMENT = /^[A-Za-z0-9_@+~(-][A-Za-z0-9_@+~()., -]*$/;
const folders = new Set<string>(PACKAGE_FOLDERS);

/**
 * Why an entry may not be called this; `null` when it may. spec 02, package: no absolute or `..` paths, no
 * native addons, no `node_modules`, nothing outside the known folders.
 */
export function nameProblem(name: string): string | null {
  if (name.length > MAX_NAME_CHARS) return `is longer than ${MAX_NAME_CHARS} characters`;
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'is an absolute path';
  if (name.includes('\\')) return 'has a backslash in its name';
  const segments = name.split('/');
  if (segments.includes('..')) return 'leads out of the package';
  if (!segments.every((segment) => SEGMENT.test(segment))) return 'has a name that is not allowed';
  const lower = segments.map((segment) => segment.toLowerCase());
  if (lower.includes('node_modules')) return 'lies in node_modules: bundle what the code needs';
  if (lower.at(-1)?.endsWith('.node')) return 'is a native addon';
  const [top = ''] = segments;
  if (segments.length === 1 ? !TOP_FILES.has(top) : !folders.has(top)) return 'does not belong in a package';
  return null;
}

/**
 * The names of one archive. Folds case, folders included, so that no file system can make two entries one
 * or take a file for a folder.
 */
export class EntryNames {
  readonly #seen = new Map<string, { name: string; file: boolean }>();

  /** Adds a file; says why not when it clashes with what is there, else `null`. */
  addFile(name: string): string | null {
    const segments = name.split('/');
    for (let depth = 1; depth < segments.length; depth += 1) {
      const problem = this.#add(segments.slice(0, depth).join('/'), false);
      if (problem) return problem;
    }
    return this.#add(name, true);
  }

  #add(name: string, file: boolean): string | null {
    const known = this.#seen.get(name.toLowerCase());
    this.#seen.set(name.toLowerCase(), { name, file });
    if (!known || (!file && !known.file && known.name === name)) return null;
    if (known.name !== name) return `differs from ${known.name} only in case`;
    return known.file && file ? 'is there twice' : `needs ${name} to be a file and a folder`;
  }
}
