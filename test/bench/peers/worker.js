// The same route as the extension of the bench, for workerd.
export default {
  fetch(request) {
    const [, name] = /^\/greet\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
    return name === undefined ? new Response(null, { status: 404 }) : Response.json({ hello: name });
  },
};
