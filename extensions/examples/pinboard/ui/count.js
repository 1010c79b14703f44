magflock.call('GET', '/pins').then(({ body }) => {
  document.querySelector('#count').textContent = `${body.pins.length} pinned`;
});
