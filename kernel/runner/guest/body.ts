import { transcode } from './lent.ts';
import {
  Buffer,
  Bytes,
  binaryText,
  bytesIn,
  bytesOfBinary,
  GuestTypeError,
  parseJson,
  setBytes,
  toText,
  typedLength,
  viewParts,
} from './primordials.ts';
import { decodeUtf8, encodeUtf8, withoutBom } from './text.ts';
import { formOf } from './url-search-params.ts';

/** A body as it was handed in, or as it came; it is converted when somebody asks for it. */
export type BodyContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'base64'; readonly text: string };

export interface TypedContent {
  readonly content: BodyContent;
  /** The `content-type` it has unless the headers say otherwise. */
  readonly type: string | null;
}

/** @returns `null` for no body */
export function bodyOf(init: unknown): TypedContent | null {
  if (init === undefined || init === null) return null;
  const form = formOf(init);
  if (form !== undefined)
    return {
      content: { kind: 'text', text: form },
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
    };
  const bytes = bytesIn(init);
  if (bytes !== undefined) return { content: { kind: 'bytes', bytes: copyOf(bytes) }, type: null };
  return { content: { kind: 'text', text: toText(init) }, type: 'text/plain;charset=UTF-8' };
}

/** As the host takes it. @throws an Error with code `E_LIMIT_OUTPUT` */
export function base64Of(content: BodyContent): string {
  if (content.kind === 'base64') return content.text;
  return content.kind === 'text'
    ? transcode(content.text, 'utf8', 'base64')
    : transcode(binaryText(content.bytes), 'latin1', 'base64');
}

/** Shows that the prelude makes the body: guest code can get at the class, over the prototypes. */
export const BODY_KEY = {};

let take: (body: Body) => BodyContent | null;
let peek: (body: Body) => BodyContent | null;

/** What Request and Response have in common: a body that can be read once, and whole. */
export class Body {
  readonly #content: BodyContent | null;
  #isUsed = false;

  static {
    take = (body) => {
      if (body.#isUsed) throw new GuestTypeError('Body is unusable: Body has already been read');
      body.#isUsed = body.#content !== null;
      return body.#content;
    };
    peek = (body) => body.#content;
  }

  constructor(key: unknown, content: BodyContent | null) {
    if (key !== BODY_KEY) throw new GuestTypeError('Illegal constructor');
    this.#content = content;
  }

  get bodyUsed(): boolean {
    return this.#isUsed;
  }

  async text(): Promise<string> {
    return textOf(take(this));
  }

  async json(): Promise<unknown> {
    return parseJson(textOf(take(this)));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return viewParts(bytesOf(take(this))).buffer;
  }

  async bytes(): Promise<Uint8Array> {
    return bytesOf(take(this));
  }
}

/** The content, which is used up with it. @throws TypeError when it was read before */
export function takeBody(body: Body): BodyContent | null {
  return take(body);
}

export function hasBody(body: Body): boolean {
  return peek(body) !== null;
}

function textOf(content: BodyContent | null): string {
  if (content === null) return '';
  if (content.kind === 'bytes') return withoutBom(decodeUtf8(content.bytes));
  // Through bytes, as the platform: a lone surrogate does not survive.
  return withoutBom(transcode(content.text, content.kind === 'base64' ? 'base64' : 'utf8', 'utf8'));
}

function bytesOf(content: BodyContent | null): Uint8Array {
  if (content === null) return new Bytes(0);
  if (content.kind === 'bytes') return copyOf(content.bytes);
  if (content.kind === 'text') return encodeUtf8(content.text);
  return bytesOfBinary(transcode(content.text, 'base64', 'latin1'));
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Bytes(new Buffer(typedLength(bytes)));
  setBytes(copy, bytes);
  return copy;
}
