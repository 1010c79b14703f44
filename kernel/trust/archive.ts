import { promisify } from 'node:util';
import { gunzip as gunzipCallback } from 'node:zlib';
import { type Extract, type Header, extract as untar } from 'tar-stream';
import { MagError, messageOf } from '../errors.ts';
import { EntryNames, nameProblem } from './entry-name.ts';

// spec 02, package: the sizes over which an archive is refused.
export const MAX_UNPACKED_BYTES = 20 * 1_048_576;
const MAX_RATIO = 100;
export const MAX_ENTRIES = 2_000;

const HEADER_BYTES = 512;
/** Where a header says how long its entry is. */
const SIZE_AT = 124;
const SIZE_BYTES = 12;

const gunzip = promisify(gunzipCallback);

/** The files of a package by their names in it, `manifest.json` among them. */
export type PackageFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Reads a `.mag` wholly in memory; nothing is ever written. What comes out has only plain names in the
 * known folders, and no two that any file system could confuse.
 * @throws `E_PKG_INVALID` naming the entry
 */
export async function readArchive(archive: Uint8Array): Promise<PackageFiles> {
  const files = await readEntries(await unzip(archive));
  if (!files.has('manifest.json')) throw invalid('The package has no manifest.json.');
  return files;
}

async function unzip(archive: Uint8Array): Promise<Buffer> {
  if (archive.byteLength > MAX_UNPACKED_BYTES) throw invalid('The package is over 20 MiB.');
  const maxOutputLength = Math.min(MAX_UNPACKED_BYTES, archive.byteLength * MAX_RATIO);
  try {
    return await gunzip(archive, { maxOutputLength });
  } catch (error) {
    if (error instanceof RangeError) {
      throw invalid('The package unpacks to more than 20 MiB or to more than 100 times its size.');
    }
    throw invalid('The package is not a whole gzip file.', error);
  }
}

async function readEntries(bytes: Buffer): Promise<Map<string, Uint8Array>> {
  checkLayout(bytes);
  const files = new Map<string, Uint8Array>();
  const names = new EntryNames();
  let entries = 0;
  let end = 0;
  try {
    for await (const entry of openTar(bytes)) {
      entries += 1;
      if (entries > MAX_ENTRIES) throw invalid(`The package has more than ${MAX_ENTRIES} entries.`);
      if (entry.offset !== end) throw extended(entry.header.name);
      end += HEADER_BYTES + Math.ceil(entry.header.size / HEADER_BYTES) * HEADER_BYTES;
      const name = admit(entry.header, files.size === 0, names);
      const content = await readEntry(entry as AsyncIterable<Uint8Array>);
      if (name !== null) files.set(name, content);
    }
  } catch (error) {
    if (error instanceof MagError) throw error;
    throw invalid(`The package is not a whole tar archive: ${messageOf(error)}`, error);
  }
  return files;
}

/**
 * Walks the headers before the library does: one whose size is no plain octal number, or lies beyond the end,
 * makes tar-stream wait for bytes that never come. Nothing may follow the end mark.
 */
function checkLayout(bytes: Buffer): void {
  let at = 0;
  while (at < bytes.byteLength && !isEmpty(bytes.subarray(at, at + HEADER_BYTES))) {
    const field = bytes.toString('latin1', at + SIZE_AT, at + SIZE_AT + SIZE_BYTES);
    const [, octal] = /^ *([0-7]+)[ \0]*$/.exec(field) ?? [];
    if (octal === undefined) throw invalid('An entry of the package has no proper size.');
    at += HEADER_BYTES + Math.ceil(Number.parseInt(octal, 8) / HEADER_BYTES) * HEADER_BYTES;
    if (at > bytes.byteLength) throw invalid('The package is not a whole tar archive: an entry is cut off.');
  }
  if (!isEmpty(bytes.subarray(at))) throw invalid('The package goes on behind its end.');
}

function isEmpty(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function openTar(bytes: Buffer): Extract {
  const extract = untar();
  extract.end(bytes);
  return extract;
}

async function readEntry(entry: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Folders carry nothing, but other tar programs write them: allowed where a file could lie in them. */
function isFolder(header: Header): boolean {
  if (header.type !== 'directory') return false;
  const name = header.name.replace(/\/$/, '');
  const problem = header.size ? 'is a folder with content' : nameProblem(`${name}/file`);
  if (problem) throw invalid(`${printable(header.name)} ${problem}.`);
  return true;
}

/** The name under which an entry is kept; `null` for a folder. */
function admit(header: Header, first: boolean, names: EntryNames): string | null {
  const { name, type } = header;
  if (isFolder(header)) return null;
  if (type !== 'file')
    throw invalid(`${printable(name)} is a ${type ?? 'thing of unknown kind'}, not a file.`);
  const problem = nameProblem(name) ?? names.addFile(name);
  if (problem) throw invalid(`${printable(name)} ${problem}.`);
  if (first && name !== 'manifest.json') throw invalid('The first entry of a package is manifest.json.');
  return name;
}

/**
 * Entries must follow one another. Every other program that lists the archive must see what is read here: no
 * second names or sizes in extended headers, nothing behind an end mark.
 */
function extended(name: string): MagError {
  return invalid(`${printable(name)} has an extended tar header: is its name too long, or not plain ASCII?`);
}

/** A name made by somebody else, safe to put on a terminal. */
function printable(name: string): string {
  return JSON.stringify(name.slice(0, 100)).replaceAll(/[^\x20-\x7e]/g, '?');
}

function invalid(message: string, cause?: unknown): MagError {
  return new MagError('E_PKG_INVALID', message, { cause });
}
