import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';

// The same route as the extension of the bench, on nothing but fastify. Prints its address.
const app = Fastify();
app.get<{ Params: { name: string } }>('/greet/:name', (request) => ({ hello: request.params.name }));
await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`);
