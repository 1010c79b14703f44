import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const DEEP = `interface Order { total?: number }

export function totalOf(order: Order): number {
  if (order.total === undefined) {
    throw new RangeError('no total');
  }
  return order.total;
}
`;

const INDEX = `import { defineExtension, ExtensionError, type EndpointRequest } from '#sdk';
import { totalOf } from './deep/order.ts';

type Anything = Record<string, unknown>;

export default defineExtension({
  endpoints: {
    'GET /deep': async (_request: EndpointRequest) => {
      await null;
      return { body: totalOf({}) };
    },
    'GET /coded': () => {
      throw new ExtensionError('OUT_OF_STOCK', 'none left');
    },
    'GET /logged': (_request, ctx) => {
      const fields: Anything = { stack: new Error('seen').stack };
      ctx.log.warn('noted', fields);
      setTimeout(() => {
        throw new TypeError('late');
      }, 1);
      return {};
    },
  },
});
`;

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: { readonly code?: string; readonly class?: string; readonly stack?: string };
}

describe('the log of an extension', () => {
  let host: TestHost;
  let author: Author;
  const lines = async (id: string): Promise<Line[]> =>
    (await host.ask('GET', `/v1/extensions/${id}/logs?limit=100`)).body.lines;
  const lineWith = async (id: string, message: string): Promise<Line> => {
    const found = await until(
      async () => (await lines(id)).find((line) => line.message.includes(message)),
      (line) => line !== undefined,
    );
    if (found === undefined) throw new Error('no such line');
    return found;
  };

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    const signed = await author.publish({
      manifest: serving('stacks', ['GET /deep', 'GET /coded', 'GET /logged']),
      code: '',
      files: { 'src/index.ts': INDEX, 'src/deep/order.ts': DEEP },
    });
    await host.run(signed);
  });
  afterAll(async () => {
    await Promise.all([host[Symbol.asyncDispose](), author[Symbol.asyncDispose]()]);
  });

  it('names the TypeScript file and line an error comes from', async () => {
    const answer = await host.ask('GET', '/x/acme/stacks/deep');
    expect([answer.status, answer.body.code]).toEqual([500, 'E_EXTENSION']);
    // What the author sees is not what the client sees.
    expect(JSON.stringify(answer.body)).not.toContain('src/');
    const { level, fields } = await lineWith('acme/stacks', 'no total');
    expect([level, fields.code, fields.class]).toEqual(['error', 'E_EXTENSION', 'RangeError']);
    expect(fields.stack).toMatch(/^RangeError: no total/);
    expect(fields.stack).toContain('src/deep/order.ts:5:11');
    expect(fields.stack).toContain('src/index.ts:10:');
    expect(fields.stack).not.toContain('acme/stacks/index.js');
  });

  it('keeps the code and the class of the error', async () => {
    await host.ask('GET', '/x/acme/stacks/coded');
    const { fields } = await lineWith('acme/stacks', 'none left');
    expect([fields.code, fields.class]).toEqual(['OUT_OF_STOCK', 'ExtensionError']);
    expect(fields.stack).toContain('src/index.ts:13:');
  });

  it('maps stacks that the extension logs, and those nobody can catch', async () => {
    await host.ask('GET', '/x/acme/stacks/logged');
    expect((await lineWith('acme/stacks', 'noted')).fields.stack).toContain('src/index.ts:16:');
    expect((await lineWith('acme/stacks', 'late')).fields.stack).toContain('src/index.ts:19:');
  });

  it('names the place of an error while the module is loaded', async () => {
    const signed = await author.publish({
      manifest: serving('broken', ['GET /ping']),
      code: '',
      files: {
        'src/index.ts':
          '\nconst table: Record<string, () => void> = {};\n\ntable.missing();\nexport default {};\n',
      },
    });
    await host.stage(signed);
    const install = await host.operate('acme/broken', 'install', { version: '1.0.0', approve: 'all' });
    expect(install.body.state).not.toBe('succeeded');
    const { message, fields } = await lineWith('acme/broken', 'not a function');
    expect(message + fields.stack).toContain('src/index.ts:4:');
  });
});
