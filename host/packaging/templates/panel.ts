import type { Addition } from './addition.ts';
import type { Naming } from './naming.ts';

/** A panel of the console. */
export function panelAddition({ displayName }: Naming): Addition {
  return {
    capabilities: [{ name: 'ui.register_panel', reason: 'Shows a panel that greets in the console.' }],
    contributes: { panels: [{ name: 'greeting', title: displayName, page: 'ui/greeting.html' }] },
    files: {
      'ui/greeting.html': `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>${displayName}</title>
  <link rel="stylesheet" href="greeting.css">
  <form id="form">
    <input id="name" required placeholder="Who is greeted" aria-label="Name">
    <button type="submit">Greet</button>
  </form>
  <output id="answer"></output>
  <script src="/ui/frame.js"></script>
  <script src="greeting.js"></script>
</html>
`,
      'ui/greeting.css': 'body {\n  font: 1rem system-ui;\n}\n',
      'ui/greeting.js': `// The console calls endpoints of this extension for the page, as whoever looks at it.
document.querySelector('#form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = document.querySelector('#name').value;
  const { status, body } = await magflock.call('GET', \`/greet/\${encodeURIComponent(name)}\`);
  const answer = status < 300 ? \`\${body.hello}: \${body.greetings}\` : (body.detail ?? body.code);
  document.querySelector('#answer').textContent = answer;
});
`,
    },
    sandboxTest: `
it('has a panel in the console, whose page is served', async () => {
  const [panel] = (await host.request('GET /v1/ui')).body.panels;
  expect(panel).toMatchObject({ extension: host.id, name: 'greeting' });
  expect((await host.request(\`GET \${panel.src}\`)).body).toContain('greeting.js');
});
`,
    readme: 'The console has a panel that greets: `ui/greeting.html`.',
  };
}
