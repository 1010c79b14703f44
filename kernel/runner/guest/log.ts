import { MAX_LOG_BYTES } from '../../../manifests/protocol/limits.ts';
import type { HostFunctions } from './host-functions.ts';
import { dictionary, isError, stringifyJson } from './primordials.ts';
import { cut, describeThrown, textOf } from './wire-error.ts';

export type LogLine = (call: number, level: string, message: unknown, fields?: unknown) => void;

/** Cuts and sends log lines. Never throws: a log line must not fail the call that writes it. */
export function createLog(host: HostFunctions): LogLine {
  return (call, level, message, fields) => {
    host.log(call, level, cut(textOf(message), MAX_LOG_BYTES), fieldsText(fields));
  };
}

function fieldsText(fields: unknown): string {
  if (fields === undefined || fields === null) return '{}';
  const text = jsonOf(typeof fields === 'object' ? fields : single(fields));
  return text.length > MAX_LOG_BYTES ? '{"truncated":true}' : text;
}

function single(value: unknown): object {
  const fields = dictionary<unknown>();
  fields.value = value;
  return fields;
}

/** The arguments of `console.*` as one line. */
export function formatLine(values: readonly unknown[]): string {
  let line = '';
  for (let i = 0; i < values.length && line.length < MAX_LOG_BYTES; i++) {
    line += (i === 0 ? '' : ' ') + formatValue(values[i]);
  }
  return line;
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return textOf(value);
  if (isError(value)) {
    const { message, stack } = describeThrown(value);
    return stack || message;
  }
  return jsonOf(value);
}

function jsonOf(value: unknown): string {
  try {
    return stringifyJson(value) ?? textOf(value);
  } catch {
    return '"[not JSON]"';
  }
}
