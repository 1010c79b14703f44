const show = ({ status, body }) => {
  document.querySelector('#error').textContent = status < 300 ? '' : (body.error ?? body.code);
  if (status >= 300) return;
  const notes = body.pins.map(({ text, by }) => {
    const note = document.createElement('li');
    const author = document.createElement('small');
    note.textContent = text;
    author.textContent = by;
    note.append(author);
    return note;
  });
  document.querySelector('#pins').replaceChildren(...notes);
};

document.querySelector('#form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = document.querySelector('#text');
  show(await magflock.call('POST', '/pins', { text: input.value }));
  input.value = '';
});

magflock.call('GET', '/pins').then(show);
