import multipart, { type Multipart } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { Upload } from '../../kernel/operator.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { stagedView } from './extension-view.ts';
import { answers } from './schemas.ts';
import type { ControlServices } from './services.ts';

/** What a package may have, packed as unpacked (spec 02). */
export const MAX_PACKAGE_BYTES = 20 * 1_048_576;
/** Bundles are a few kilobytes; a keyless one with its certificate and log entry stays below this. */
const MAX_BUNDLE_BYTES = 1_048_576;

const FORM = {
  type: 'object',
  required: ['package', 'bundle'],
  properties: {
    package: { type: 'string', contentMediaType: 'application/octet-stream', description: 'The .mag file.' },
    bundle: {
      type: 'string',
      contentMediaType: 'application/json',
      description: 'Its signature: <file>.mag.sigstore.json.',
    },
    attestations: {
      type: 'string',
      contentMediaType: 'application/jsonl',
      description: 'Reviews and provenance: <file>.mag.intoto.jsonl.',
    },
  },
};

/** Staging: a package and its signature come in, and are kept only when they verify. */
export function registerPackageRoutes(app: FastifyInstance, { operator }: ControlServices): void {
  app.register(async (scope) => {
    await scope.register(multipart, {
      limits: { fileSize: MAX_PACKAGE_BYTES, fieldSize: MAX_BUNDLE_BYTES, files: 3, fields: 3, parts: 4 },
    });
    scope.post(
      '/v1/extensions',
      {
        schema: {
          tags: ['extensions'],
          summary: 'Verify a signed package and store it, ready to be installed',
          consumes: ['multipart/form-data'],
          body: FORM,
          response: answers(201, 'Verified and stored.'),
        },
        // The schema describes the form; what comes in is checked part by part as it is read.
        validatorCompiler: () => () => true,
      },
      async (request, reply) => {
        const staged = await operator.stage(await readUpload(request), principalOf(request));
        return reply
          .code(201)
          .header('location', `/v1/extensions/${staged.package.id}`)
          .send(stagedView(staged));
      },
    );
  });
}

async function readUpload(request: FastifyRequest): Promise<Upload> {
  if (!request.isMultipart()) throw malformed('The body is not multipart/form-data.');
  try {
    return await readParts(request);
  } catch (error) {
    if (error instanceof MagError) throw error;
    // From reading the part or from the walk over the parts, whichever hears of it first.
    if (isFastifyError(error, 'FST_REQ_FILE_TOO_LARGE'))
      throw new MagError('E_PKG_INVALID', 'A part is larger than 20 MiB.', { cause: error });
    if (isFastifyError(error, 'FST_')) throw error;
    // The parser of the form has errors of its own kind, and all of them are about the form.
    throw new MagError('E_BAD_REQUEST', 'The form is malformed or was cut off.', { cause: error });
  }
}

async function readParts(request: FastifyRequest): Promise<Upload> {
  let archive: Uint8Array | null = null;
  let bundle: string | null = null;
  let attestations: string | null = null;
  for await (const part of request.parts()) {
    if (part.fieldname === 'package' && archive === null) archive = await readPackage(part);
    else if (part.fieldname === 'bundle' && bundle === null) bundle = await readText(part, BUNDLE);
    else if (part.fieldname === 'attestations' && attestations === null)
      attestations = await readText(part, ATTESTATIONS);
    else throw malformed('The parts are `package`, `bundle` and `attestations`, one of each.');
  }
  if (archive === null) throw malformed('The part `package` is missing.');
  return { archive, bundle, attestations };
}

function isFastifyError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith(code);
}

async function readPackage(part: Multipart): Promise<Uint8Array> {
  if (part.type !== 'file') throw malformed('The part `package` must be a file.');
  return part.toBuffer();
}

const BUNDLE = 'The signature bundle is larger than 1 MiB.';
const ATTESTATIONS = 'The attestations are larger than 1 MiB.';

async function readText(part: Multipart, tooLarge: string): Promise<string> {
  const text = part.type === 'file' ? (await part.toBuffer()).toString('utf8') : fieldText(part, tooLarge);
  if (text.length <= MAX_BUNDLE_BYTES) return text;
  throw new MagError('E_SIG_INVALID', tooLarge);
}

/** A field of type JSON arrives parsed. */
function fieldText(
  { value, valueTruncated }: { value: unknown; valueTruncated: boolean },
  tooLarge: string,
): string {
  if (valueTruncated) throw new MagError('E_SIG_INVALID', tooLarge);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function malformed(detail: string): MagError {
  return new MagError('E_BAD_REQUEST', detail);
}
