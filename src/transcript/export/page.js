(function () {
  'use strict';
  var root = document.documentElement, nav = document.querySelector('nav');
  var items = Array.prototype.slice.call(document.querySelectorAll('li'));
  root.classList.add('live');
  function on(id, event, run) { document.getElementById(id).addEventListener(event, run); }
  function filter() {
    var words = document.getElementById('find').value.toLowerCase();
    var only = document.getElementById('only').value;
    items.forEach(function (item) {
      var fits = !words || item.textContent.toLowerCase().indexOf(words) >= 0;
      item.classList.toggle('off', !fits || (only && !item.classList.contains(only)));
    });
  }
  on('find', 'input', filter);
  on('only', 'change', filter);
  on('fold', 'click', function () {
    var all = Array.prototype.slice.call(document.querySelectorAll('details'));
    var open = all.some(function (one) { return one.open; });
    all.forEach(function (one) { one.open = !open; });
  });
  on('look', 'click', function () {
    var dark = root.dataset.look ? root.dataset.look === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.look = dark ? 'light' : 'dark';
  });
  var timer = null, at = 0;
  function time(item) { return parseFloat(item.dataset.at || 'NaN'); }
  function stop() { clearTimeout(timer); timer = null; document.getElementById('play').textContent = 'Play'; }
  function step() {
    items.forEach(function (item, index) {
      item.classList.toggle('off', index > at);
      item.classList.toggle('now', index === at);
    });
    if (at >= items.length - 1) { items.forEach(function (item) { item.classList.remove('now'); }); at = 0; stop(); return; }
    items[at].scrollIntoView({ block: 'nearest' });
    var wait = time(items[at + 1]) - time(items[at]);
    at += 1;
    timer = setTimeout(step, 1000 * Math.min(2, wait >= 0 ? wait : 0));
  }
  on('play', 'click', function () {
    if (timer !== null) { stop(); return; }
    this.textContent = 'Pause';
    step();
  });
  items.forEach(function (item) {
    if (!item.classList.contains('sent') || !navigator.clipboard) { return; }
    var button = document.createElement('button');
    button.className = 'copy';
    button.textContent = 'copy';
    button.addEventListener('click', function () { navigator.clipboard.writeText(item.querySelector('code').textContent); });
    item.appendChild(button);
  });
}());
