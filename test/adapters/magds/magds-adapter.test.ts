import { expect, it } from 'vitest';
import { createMagdsAdapter } from '../../../adapters/magds/index.ts';
import { createExtensionSide } from '../../../host/storage/extension-side.ts';
import { createTestDatabase } from '../../support/database.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { describeAdapterContract } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'magds',
  event: {
    type: 'database.migration.applied',
    data: { extension: 'acme/notes', migration: '0001_a', direction: 'up' },
  },
  async create() {
    const database = await createTestDatabase();
    const adapter = await createMagdsAdapter({
      url: database.url,
      logger: silentLogger,
      side: createExtensionSide({ logId: null }),
    });
    return {
      adapter,
      async dispose() {
        await adapter[Symbol.asyncDispose]();
        await adapter[Symbol.asyncDispose]();
        await database.drop();
      },
    };
  },
});

it('needs a database that answers', async () => {
  const nothing = createMagdsAdapter({
    url: 'postgres://nobody@127.0.0.1:1/none',
    logger: silentLogger,
    side: createExtensionSide({ logId: null }),
  });
  await expect(nothing).rejects.toMatchObject({ code: 'E_CONFIG' });
});
