export type { Json, JsonObject } from '../json.ts';
export {
  defineExtension,
  type EndpointRequest,
  type EndpointResponse,
  type EventEnvelope,
  type ExtensionDefinition,
  type Health,
  type HookedRequest,
  type HookedResponse,
  type HookHandlers,
} from './define-extension.ts';
export { ExtensionError } from './errors.ts';
export type {
  AbortSignalLike,
  Context,
  Database,
  Events,
  FileEntry,
  Files,
  Http,
  HttpHeaders,
  HttpInit,
  HttpResponse,
  Log,
  RequestInfo,
  State,
} from './host-api.ts';
