import { afterAll, describe } from 'vitest';
import { openNatsEvents } from '../../../host/events-nats/index.ts';
import { natsServer, removeStream, streamOfItsOwn } from '../../support/nats.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { eventEngineContract } from './contract.ts';

const server = await natsServer();
const names = streamOfItsOwn();

describe.skipIf(server === null)('NATS JetStream', () => {
  const url = server?.url ?? '';
  afterAll(async () => {
    await removeStream(url, names.stream);
    await server?.[Symbol.asyncDispose]();
  });

  eventEngineContract('JetStream', () =>
    openNatsEvents({ url, replicas: 1, logger: silentLogger, ...names }),
  );
});
