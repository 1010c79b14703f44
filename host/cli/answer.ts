import { MagError } from '../../kernel/errors.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';

/** An answer that must be an object. @throws `E_UNREACHABLE`: whatever answered is not a MagFlock host */
export function objectIn(value: Json | undefined): JsonObject {
  if (isObject(value)) return value;
  throw new MagError('E_UNREACHABLE', 'the host answered in a form this program does not know');
}

/** The objects of a list. @throws `E_UNREACHABLE` */
export function objectsIn(value: Json | undefined): JsonObject[] {
  if (Array.isArray(value)) return value.map(objectIn);
  throw new MagError('E_UNREACHABLE', 'the host answered in a form this program does not know');
}

/** A member for people to read: absent is empty, anything but text is its JSON. */
export function textIn(object: Json | undefined, member: string): string {
  const value = isObject(object) && Object.hasOwn(object, member) ? object[member] : undefined;
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
