import multipart, { type Multipart } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { BodyFault } from './body-fault.ts';

/** What fits into a call in base64. */
export const MAX_BINARY_BYTES = 650_000;
const MAX_FIELD_BYTES = 100_000;
const MAX_NAME_BYTES = 100;
const MAX_FIELDS = 100;
const MAX_FILES = 20;

/** A form as the guest receives it in `body`. A field that is named twice is a list. */
interface FormBody extends JsonObject {
  fields: JsonObject;
  files: UploadedFile[];
}

/** One file of a form, whole; `content` is base64. */
interface UploadedFile extends JsonObject {
  name: string;
  filename: string;
  type: string;
  sizeBytes: number;
  content: string;
}

/** Has forms taken in; they are read by `readForm`, when it is known that the request is let in. */
export async function acceptForms(scope: FastifyInstance): Promise<void> {
  await scope.register(multipart, {
    limits: {
      fileSize: MAX_BINARY_BYTES,
      fieldSize: MAX_FIELD_BYTES,
      fieldNameSize: MAX_NAME_BYTES,
      files: MAX_FILES,
      fields: MAX_FIELDS,
      parts: MAX_FILES + MAX_FIELDS,
    },
  });
}

/**
 * Reads a form into memory, within limits for all of it.
 * @throws `E_BAD_REQUEST` for one that is malformed or cut off; an error with status 413 for one that is too large
 */
export async function readForm(request: FastifyRequest): Promise<FormBody> {
  try {
    return await readParts(request);
  } catch (error) {
    if (error instanceof MagError || isTooLarge(error)) throw error;
    // The parser of the form has errors of its own kind, and all of them are about the form.
    throw new MagError('E_BAD_REQUEST', 'The form is malformed or was cut off.', { cause: error });
  }
}

async function readParts(request: FastifyRequest): Promise<FormBody> {
  const form: FormBody = { fields: Object.create(null), files: [] };
  let bytes = 0;
  for await (const part of request.parts()) {
    bytes += part.type === 'file' ? await addFile(form, part) : addField(form, part);
    if (bytes > MAX_BINARY_BYTES)
      throw BodyFault.tooLarge(`A form is at most ${MAX_BINARY_BYTES} bytes, all parts together.`);
  }
  return form;
}

async function addFile({ files }: FormBody, part: Extract<Multipart, { type: 'file' }>): Promise<number> {
  const bytes = await part.toBuffer();
  files.push({
    name: part.fieldname,
    filename: part.filename,
    type: part.mimetype,
    sizeBytes: bytes.length,
    content: bytes.toString('base64'),
  });
  return bytes.length;
}

function addField({ fields }: FormBody, part: Extract<Multipart, { type: 'field' }>): number {
  const { fieldname: name, value, valueTruncated } = part;
  if (valueTruncated) throw BodyFault.tooLarge(`A field of a form is at most ${MAX_FIELD_BYTES} bytes.`);
  const text = typeof value === 'string' ? value : JSON.stringify(value); // JSON arrives parsed
  const before = fields[name];
  fields[name] = before === undefined ? text : [before, text].flat();
  return Buffer.byteLength(text);
}

/** Ours, or the parser's own. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 413;
}
