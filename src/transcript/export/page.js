(function () {
  'use strict';
  // The page is complete without this: it only adds filter, folding, playing, looks and copying.
  const root = document.documentElement;
  const get = (id) => document.getElementById(id);
  const on = (id, event, run) => get(id).addEventListener(event, run);
  const items = Array.from(document.querySelectorAll('li'));
  const notes = Array.from(document.querySelectorAll('details'));
  const words = items.map((item) => item.textContent.toLowerCase());
  root.classList.add('live');

  function button(text, run) {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = text;
    made.addEventListener('click', run);
    return made;
  }

  // Filter: by words, which may stand in an explanation too, and by kind.
  function filter() {
    const wanted = get('find').value.toLowerCase().trim(), only = get('only').value;
    let shown = 0;
    items.forEach((item, n) => {
      const fits = words[n].includes(wanted) && (!only || item.classList.contains(only));
      item.classList.toggle('off', !fits);
      shown += fits;
    });
    const searching = wanted !== '' || only !== '';
    root.classList.toggle('searching', searching);
    get('count').textContent = searching ? shown + ' of ' + items.length : '';
  }
  on('find', 'input', filter);
  on('only', 'change', filter);

  // Folding: of explanations, and of long content.
  on('fold', 'click', () => {
    const open = notes.some((note) => note.open);
    notes.forEach((note) => { note.open = !open; });
    root.classList.toggle('terse', open);
  });
  const BEFORE = 8, AFTER = 2;
  function tuck(run) {
    const hidden = run.slice(BEFORE, run.length - AFTER);
    if (hidden.length < 6) { return; }
    const place = document.createElement('li');
    place.className = 'more';
    place.appendChild(button('show ' + hidden.length + ' more lines', () => {
      hidden.forEach((item) => item.classList.remove('tucked'));
      place.remove();
    }));
    hidden.forEach((item) => item.classList.add('tucked'));
    hidden[0].before(place);
  }
  let run = [];
  items.concat(null).forEach((item) => {
    if (item && item.classList.contains('content')) { run.push(item); return; }
    tuck(run);
    run = [];
  });

  // Light and dark, from what the system has.
  on('look', 'click', () => {
    const dark = root.dataset.look ? root.dataset.look === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.look = dark ? 'light' : 'dark';
  });

  // Playing: entry by entry, in the time that it took; a silence lasts two seconds at most.
  const SILENCE = 2;
  let timer = null, at = -1;
  const time = (n) => parseFloat(items[n].dataset.at);
  const starts = (n) => items[n].classList.contains('sent') && !items[n].classList.contains('content');
  function show() {
    const playing = at >= 0;
    root.classList.toggle('playing', playing);
    items.forEach((item, n) => {
      item.classList.toggle('later', playing && n > at);
      item.classList.toggle('now', n === at);
    });
    if (playing) { items[at].scrollIntoView({ block: 'nearest' }); }
  }
  function pause() {
    clearTimeout(timer);
    timer = null;
    get('play').textContent = at < 0 ? 'Play' : 'Go on';
  }
  function finish() {
    at = -1;
    pause();
    show();
  }
  function step() {
    if (at + 1 >= items.length) { finish(); return; }
    at += 1;
    show();
    const wait = at + 1 < items.length ? time(at + 1) - time(at) : SILENCE;
    timer = setTimeout(step, 1000 * Math.min(SILENCE, wait > 0 ? wait : 0) / parseFloat(get('speed').value));
  }
  function play() {
    if (timer !== null) { pause(); return; }
    get('find').value = get('only').value = '';
    filter();
    get('play').textContent = 'Pause';
    step();
  }
  function jump(way) {
    if (at < 0) { return; }
    pause();
    let to = at + way;
    while (to > 0 && to < items.length - 1 && !starts(to)) { to += way; }
    at = Math.max(0, Math.min(items.length - 1, to));
    show();
  }
  on('play', 'click', play);

  // The next error, from where one looks.
  function error() {
    const bad = items.filter((item) => item.classList.contains('bad') && item.offsetParent);
    if (bad.length === 0) { return; }
    const now = bad.findIndex((item) => '#' + item.id === location.hash);
    location.hash = bad[(now + 1) % bad.length].id;
  }
  on('error', 'click', error);
  if (!document.querySelector('li.bad')) { get('error').hidden = true; }

  document.addEventListener('keydown', (event) => {
    const typing = /^(INPUT|SELECT|BUTTON|SUMMARY|A)$/.test(event.target.tagName);
    if (event.key === 'Escape') { get('find').value = get('only').value = ''; filter(); finish(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) { return; }
    const keys = {
      '/': () => get('find').focus(), ' ': play, e: error,
      ArrowRight: () => jump(1), '.': () => jump(1), ArrowLeft: () => jump(-1), ',': () => jump(-1),
    };
    if (keys[event.key] && !(event.key.startsWith('Arrow') && at < 0)) { event.preventDefault(); keys[event.key](); }
  });

  // Paper has no triangles to click: what is folded is printed too, and folded again after that.
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = notes.filter((note) => !note.open);
    closed.forEach((note) => { note.open = true; });
  });
  addEventListener('afterprint', () => closed.forEach((note) => { note.open = false; }));

  if (navigator.clipboard) {
    items.forEach((item) => {
      if (!item.classList.contains('sent') || item.classList.contains('content')) { return; }
      const copy = button('copy', () => navigator.clipboard.writeText(item.querySelector('code').textContent)
        .then(() => 'copied', () => 'not allowed').then((said) => {
          copy.textContent = said;
          setTimeout(() => { copy.textContent = 'copy'; }, 1500);
        }));
      copy.className = 'copy';
      item.appendChild(copy);
    });
  }
}());
