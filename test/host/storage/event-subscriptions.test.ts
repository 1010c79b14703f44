import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../host/storage/database.ts';
import { createEventLog, type StoredEventLog } from '../../../host/storage/event-log.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { uuidV7 } from '../../support/uuid-v7.ts';

describe('event subscriptions', () => {
  let test: TestDatabase;
  let database: Database;
  let log: StoredEventLog;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await openDatabase(test.url);
    log = createEventLog(database, silentLogger);
  });
  afterAll(async () => {
    await log.close();
    await database.close();
    await test.drop();
  });
  const key = (name: string, type = 'extension.enabled') => ({ extension: `acme/${name}` as const, type });
  const append = (component: string) =>
    log.append([
      {
        event_id: uuidV7(),
        event_type: 'extension.enabled',
        schema_version: 1,
        timestamp: new Date().toISOString(),
        source: { component, extension: null },
        data: null,
        context: {},
        capabilities_required: [],
      },
    ]);
  const cursors = async (name: string) =>
    (await log.subscriptions()).find((one) => one.extension === `acme/${name}`)?.cursors;

  it('starts behind the newest event, and keeps its place when asked again', async () => {
    await append('kernel');
    await append('kernel');
    await log.subscribe(key('start'));
    expect(await cursors('start')).toEqual(new Map([['kernel', 2]]));
    await append('kernel');
    await append('later');
    await log.subscribe(key('start'));
    expect(await cursors('start')).toEqual(new Map([['kernel', 2]]));
  });

  it('advances, and never back', async () => {
    await log.advance(key('start'), 'kernel', 3);
    await log.advance(key('start'), 'later', 1);
    await Promise.all([5, 9, 4, 7].map((sequence) => log.advance(key('start'), 'kernel', sequence)));
    await log.advance(key('start'), 'kernel', 3);
    expect(await cursors('start')).toEqual(
      new Map([
        ['kernel', 9],
        ['later', 1],
      ]),
    );
  });

  it('forgets all subscriptions of an extension, and what arrives late for them', async () => {
    await log.subscribe(key('gone'));
    await log.subscribe(key('gone', 'extension.disabled'));
    await log.unsubscribe('acme/gone');
    await log.advance(key('gone'), 'kernel', 99);
    expect((await log.subscriptions()).map((one) => one.extension)).toEqual(['acme/start']);
  });

  it('keeps what could not be delivered, newest first', async () => {
    const [event] = await log.read('kernel', 0, 1);
    if (event === undefined) throw new Error('no event');
    const letter = {
      subscription: key('start'),
      event: { ...event, data: { nul: '\0' } },
      attempts: 8,
      error: { code: 'E_EXTENSION', detail: 'threw\uFFFD' },
    };
    await log.deadLetter({ ...letter, error: { code: 'E_EXTENSION', detail: 'threw\0' } });
    await log.deadLetter({ ...letter, attempts: 1 });
    const [newest, oldest] = await log.deadLetters({ limit: 10 });
    expect(oldest).toEqual({ ...letter, id: expect.any(String), at: expect.any(Date) });
    expect(newest?.attempts).toBe(1);
    expect(await log.deadLetters({ limit: 1 })).toHaveLength(1);
  });
});
