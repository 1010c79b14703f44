import { types } from 'pg';
import type { Json } from '../../manifests/json.ts';

type Reader = (text: string) => Json;

/** Numbers JSON cannot carry, NaN and the infinities, stay text. */
const readNumber: Reader = (text) => {
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
};
/** As a number while it is exact, as text beyond. */
const readBigint: Reader = (text) => {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
};
const readBoolean: Reader = (text) => text === 't';
const readJson: Reader = (text) => JSON.parse(text) as Json;
const readBytes: Reader = (text) => Buffer.from(text.slice(2), 'hex').toString('base64');
/** `2026-11-21 10:00:00.5+00` to ISO 8601; what a Date could not hold (BC, infinity, microseconds) stays as it is. */
const readTimestamp: Reader = (text) =>
  /^\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+00)?$/.test(text)
    ? text.replace(' ', 'T').replace('+00', 'Z')
    : text;
const readText: Reader = (text) => text;

/** Type ids of pg_type, which never change; the second is that of the array. */
const READERS: ReadonlyMap<number, Reader> = new Map(
  (
    [
      [16, 1000, readBoolean],
      [17, 1001, readBytes],
      [20, 1016, readBigint],
      [21, 1005, readNumber],
      [23, 1007, readNumber],
      [26, 1028, readNumber],
      [700, 1021, readNumber],
      [701, 1022, readNumber],
      [114, 199, readJson],
      [3802, 3807, readJson],
      [1114, 1115, readTimestamp],
      [1184, 1185, readTimestamp],
      // As text, but as lists of text: numeric (exact), text, varchar, bpchar, name, uuid, date, time, interval
      ...[
        [1700, 1231],
        [25, 1009],
        [1043, 1015],
        [1042, 1014],
        [19, 1003],
        [2950, 2951],
        [1082, 1182],
        [1083, 1183],
        [1186, 1187],
      ].map(([one = 0, many = 0]) => [one, many, readText] as const),
    ] as const
  ).flatMap(([one, many, reader]): [number, Reader][] => [
    [one, reader],
    [many, (text) => readArray(text, reader)],
  ]),
);

/**
 * A value in the text form of the server as JSON: numbers, booleans, json and arrays of them as themselves;
 * timestamps in ISO 8601; `bytea` in base64; `bigint` beyond 2^53, `numeric`, NaN and all other types as text.
 */
export function jsonValue(typeId: number, text: string): Json {
  return READERS.get(typeId)?.(text) ?? text;
}

function readArray(text: string, reader: Reader): Json {
  // The library's types describe it as a function, which it is not.
  const parser = types.arrayParser as unknown as {
    create(source: string, transform: Reader): { parse(): Json };
  };
  return parser.create(text, reader).parse();
}
