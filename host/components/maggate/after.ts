/** Goes on with a hook of fastify: at once, or when the promise is kept. */
export function after(work: Promise<void> | undefined, done: (error?: Error) => void): void {
  if (work === undefined) done();
  else work.then(() => done(), done);
}
