import { eventEngineContract } from './contract.ts';

eventEngineContract('Postgres', async () => undefined);
