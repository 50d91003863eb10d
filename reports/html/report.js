// SPDX-License-Identifier: MIT
// What the page does beyond being read: choosing and ordering findings, copying, colours, charts. Text from the run
// is put with textContent only.
'use strict';
(() => {
const $ = id => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const root = document.documentElement;

const element = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {}))
    made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const say = text => { $('said').textContent = text; };
const count = n => n.toLocaleString('en').replace(/,/g, '\u202f');

/* ---- colours ---- */

const charts = [];
const colour = name => getComputedStyle(root).getPropertyValue('--' + name).trim();
const repaint = () => charts.forEach(chart => chart.paint());

const chooseTheme = button => {
  for (const other of document.querySelectorAll('[data-theme][aria-pressed]'))
    other.setAttribute('aria-pressed', String(other === button));
  if (button.dataset.theme === 'auto')
    root.removeAttribute('data-theme');
  else
    root.setAttribute('data-theme', button.dataset.theme);
  repaint();
};
document.querySelector('.theme').hidden = false;
for (const button of document.querySelectorAll('.theme button'))
  button.addEventListener('click', () => chooseTheme(button));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);

/* ---- copying ---- */

const copyBySelection = source => {
  const range = document.createRange(), selection = getSelection();
  range.selectNodeContents(source);
  selection.removeAllRanges();
  selection.addRange(range);
  return document.execCommand('copy');
};
const copy = async button => {
  const source = $(button.dataset.copy);
  let done = false;
  try {
    await navigator.clipboard.writeText(source.textContent);
    done = true;
  } catch {
    done = copyBySelection(source);
  }
  const word = button.firstChild;
  word.textContent = done ? 'Copied' : 'Press Ctrl+C';
  say(done ? 'Copied to the clipboard' : 'The command is selected: press Ctrl+C to copy it');
  setTimeout(() => { word.textContent = 'Copy'; }, 2000);
};
document.addEventListener('click', event => {
  const button = event.target.closest('.copy');
  if (button)
    copy(button);
});
for (const button of document.querySelectorAll('.copy'))
  button.hidden = false;

/* ---- findings ---- */

const SEVERITIES = {crash: 'high', sanitizer: 'high', deadlock: 'high', hang: 'high', softlock: 'high',
                    exit: 'medium', invariant: 'medium', leak: 'medium'};
const PAGE = 100;
const list = $('list');

const quoted = word => /^[\w./:=,+@%-]+$/.test(word) ? word : "'" + word.replace(/'/g, "'\\''") + "'";
const status = word => element('span', {class: 'status ' + word}, word === 'earlier' ? 'not met in this run' : word);

// A finding that is not in the page as a whole gets a line when it is to be seen.
const line = (item, facts, command) => {
  const article = element('article', {class: 'finding', id: 'f-' + item.fingerprint});
  const row = element('div', {class: 'line'},
    element('span', {class: 'kind ' + (SEVERITIES[item.kind] || 'low')}, item.kind), ' ',
    element('h3', {}, element('bdi', {}, item.title || item.fingerprint)), ' ',
    element('span', {class: 'facts'}, status(item.status), ...facts.map(text => element('span', {}, text))));
  if (command) {
    const id = 'f-' + item.fingerprint + '-replay';
    row.append(element('div', {class: 'command'}, element('code', {id}, command),
      element('button', {type: 'button', class: 'copy', 'data-copy': id}, 'Copy',
        element('span', {class: 'hide'}, ' the replay command'))));
  }
  article.append(row);
  return article;
};
const fromRow = (row, rank) => {
  const [fingerprint, kind, title, word, seen, frame, met, tried, folder] = row;
  const item = {fingerprint, kind, title, status: word, seen, frame, rank, run: true, flaky: tried > 0 && met < tried};
  item.make = () => line(item, [tried ? `${met}/${tried} replays` : 'not replayed', `seen ${seen}×`, `frame ${frame}`],
    'moth replay ' + quoted(folder || `${data.out}/findings/${fingerprint}`));
  item.text = `${title} ${kind} ${fingerprint}`.toLowerCase();
  return item;
};
const fromEarlier = (row, rank) => {
  const [fingerprint, kind, title, word, first, last, fixed] = row;
  const item = {fingerprint, kind, title, status: word, seen: 0, frame: 0, rank, run: false, flaky: false};
  item.make = () => line(item, [`first in ${first}`, `last in ${last}`].concat(fixed ? [`fixed in ${fixed}`] : []));
  item.text = `${title} ${kind} ${fingerprint} ${first} ${last} ${fixed}`.toLowerCase();
  return item;
};
const fromPage = article => {
  const {rank, kind, status: word, seen, frame, flaky} = article.dataset;
  return {fingerprint: article.id.slice(2), kind, status: word, seen: +seen, frame: +frame, rank: +rank, run: true,
          flaky: flaky === '1', title: article.querySelector('h3').textContent, node: article, full: true,
          get text() { return (this.words ||= article.textContent.toLowerCase()); }};
};
const items = [...list.children].map(fromPage);
const told = items.length;
items.push(...data.rows.map((row, i) => fromRow(row, told + i)));
items.push(...data.earlier.map((row, i) => fromEarlier(row, told + data.rows.length + i)));

let limit = PAGE, chosen = items;
const choose = () => {
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = $('kind').value, word = $('status').value, order = $('order').value;
  chosen = items.filter(item =>
    (!kind || item.kind === kind) &&
    (word === '' ? item.run : word === 'all' ? true : word === 'flaky' ? item.flaky : item.status === word) &&
    words.every(part => item.text.includes(part)));
  const by = {rank: () => 0, seen: (a, b) => b.seen - a.seen, frame: (a, b) => a.frame - b.frame,
              title: (a, b) => a.title < b.title ? -1 : a.title > b.title ? 1 : 0}[order];
  chosen.sort((a, b) => by(a, b) || a.rank - b.rank);
};
const show = () => {
  const shown = chosen.slice(0, limit);
  list.replaceChildren(...shown.map(item => (item.node ||= item.make())));
  $('more').hidden = chosen.length <= limit;
  $('shown').textContent = chosen.length === 0 ? 'No finding is like that.'
    : chosen.length <= limit ? `${count(chosen.length)} of ${count(items.length)}`
    : `The first ${count(limit)} of ${count(chosen.length)}`;
};
const refresh = () => { limit = PAGE; choose(); show(); };

const addOptions = (select, words) => {
  for (const word of words)
    select.append(element('option', {value: word}, word === 'earlier' ? 'not met in this run' : word));
};
// Bring a finding into view, whatever is chosen now.
const reveal = fingerprint => {
  const item = items.find(each => each.fingerprint === fingerprint);
  if (!item)
    return;
  if (!chosen.includes(item)) {
    $('search').value = $('kind').value = '';
    $('status').value = item.run ? '' : 'all';
    choose();
  }
  limit = Math.max(limit, chosen.indexOf(item) + 1);
  show();
  const fold = item.node.querySelector('details');
  if (fold)
    fold.open = true;
  item.node.scrollIntoView();
  (fold ? fold.firstElementChild : item.node).focus({preventScroll: true});
};
const followHash = () => {
  if (location.hash.startsWith('#f-'))
    reveal(decodeURIComponent(location.hash.slice(3)));
};
const unfold = open => {
  for (const fold of list.querySelectorAll('.finding > details'))
    fold.open = open;
};
// Up, down, home and end walk from finding to finding.
const walk = event => {
  const here = event.target.closest('.finding > details > summary');
  const step = {ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity}[event.key];
  if (!here || !step)
    return;
  const all = [...list.querySelectorAll('.finding > details > summary')];
  const to = Math.min(all.length - 1, Math.max(0, all.indexOf(here) + step));
  event.preventDefault();
  all[to].focus();
};

if ($('tools')) {
  $('tools').hidden = false;
  addOptions($('kind'), [...new Set(items.map(item => item.kind))].sort());
  addOptions($('status'), [...new Set(items.map(item => item.status))].sort());
  if (items.some(item => item.flaky))
    addOptions($('status'), ['flaky']);
  if (data.earlier.length)
    $('status').append(element('option', {value: 'all'}, 'all, of earlier builds too'));
  for (const id of ['search', 'kind', 'status', 'order'])
    $(id).addEventListener('input', refresh);
  $('tools').addEventListener('submit', event => event.preventDefault());
  $('more').addEventListener('click', () => {
    const first = limit;
    limit += 2 * PAGE;
    show();
    const next = list.children[first];
    (next.querySelector('summary, button') || next).focus();
  });
  $('unfold').addEventListener('click', () => {
    const open = $('unfold').getAttribute('aria-pressed') !== 'true';
    $('unfold').setAttribute('aria-pressed', String(open));
    $('unfold').textContent = open ? 'Fold all' : 'Unfold all';
    unfold(open);
  });
  list.addEventListener('keydown', walk);
  for (const link of document.querySelectorAll('[data-filter]'))
    link.addEventListener('click', () => {
      const has = [...$('status').options].some(option => option.value === link.dataset.filter);
      $('status').value = has ? link.dataset.filter : '';
      refresh();
    });
  refresh();
  addEventListener('hashchange', followHash);
  document.addEventListener('click', event => {
    const link = event.target.closest('a[href^="#f-"]');
    if (link && link.getAttribute('href') === location.hash)
      followHash();
  });
  followHash();
}

/* ---- printing: what is folded would be missing ---- */

let folded = [];
addEventListener('beforeprint', () => {
  folded = [...document.querySelectorAll('details:not([open])')];
  folded.forEach(fold => { fold.open = true; });
});
addEventListener('afterprint', () => folded.forEach(fold => { fold.open = false; }));

/* ---- charts ---- */

const axis = (title, more) => ({type: 'linear', title: {display: true, text: title, color: () => colour('soft')},
  grid: {color: () => colour('chart-grid'), borderColor: () => colour('line')},
  ticks: {color: () => colour('soft'), maxTicksLimit: 9}, ...more});
const paintLine = (label, points, paint, more) => ({label, data: points, paint, borderWidth: 1.5, pointRadius: 0, ...more});

const draw = (name, datasets, x, y, more) => {
  const canvas = $('chart-' + name);
  if (!canvas || !window.Chart)
    return null;
  canvas.closest('figure').hidden = false;
  const chart = new Chart(canvas, {
    type: 'line', data: {datasets},
    options: {animation: false, parsing: false, responsive: true, maintainAspectRatio: false,
              interaction: {mode: 'nearest', axis: 'x', intersect: false},
              scales: {x, y: {beginAtZero: true, ...y}},
              plugins: {legend: {labels: {color: () => colour('ink'), boxWidth: 14, boxHeight: 2}}}, ...more}});
  chart.paint = () => {
    for (const set of chart.data.datasets) {
      set.borderColor = colour(set.paint);
      set.backgroundColor = set.pointRadius || !set.fill ? colour(set.paint) : colour(set.paint) + '22';
    }
    chart.update('none');
  };
  chart.paint();
  charts.push(chart);
  return chart;
};

const drawFrames = frames => {
  if (!frames.bands || !frames.bands.length)
    return;
  const at = (column, label, paint, more) => paintLine(label,
    frames.bands.map((band, i) => ({x: i * frames.width, y: band[column]})).filter((_, i) => frames.bands[i][0] > 0), paint, more);
  const most = Math.max(...frames.bands.map(band => band[5])), usual = Math.max(...frames.bands.map(band => band[2]));
  const end = frames.bands.length * frames.width;
  draw('frames', [
    at(2, 'median', 'chart-1'), at(3, 'p95', 'chart-1', {fill: '-1', borderWidth: 0.75}),
    at(4, 'p99', 'chart-3', {borderDash: [4, 3]}), at(5, 'slowest', 'chart-2', {borderWidth: 1}),
    paintLine('spikes that came back', frames.spikes.filter(spike => spike[0] <= end).map(([x, y, title]) => ({x, y, title})), 'chart-2',
      {showLine: false, pointStyle: 'triangle', pointRadius: 6}),
  ], axis('frame of the game'), axis('ms', most > 20 * usual ? {type: 'logarithmic', beginAtZero: false} : {}));
};
const drawMemory = points => draw('memory', [
  paintLine('resident', points.map(([x, y]) => ({x, y})), 'chart-1'),
  paintLine('heap', points.map(([x, , y]) => ({x, y})), 'chart-4'),
], axis('frame of the game'), axis('MB'));
const drawGrowth = points => draw('growth', [
  paintLine('places', points.map(([x, , y]) => ({x, y})), 'chart-1', {fill: 'origin', stepped: false}),
], axis('frames played'), axis('places'));

const byBuild = builds => ({...axis('build'), type: 'category', labels: builds.map(build => build.name)});
const drawBuilds = builds => {
  const set = (key, label, paint, more) => paintLine(label, builds.map(build => ({x: build.name, y: build[key]})), paint, more);
  draw('builds', [set('open', 'open', 'chart-1', {stepped: true}), set('found', 'new', 'chart-2', {showLine: false, pointRadius: 3}),
    set('reopened', 'back', 'chart-3', {showLine: false, pointRadius: 3, pointStyle: 'rect'}),
    set('fixed', 'fixed', 'chart-4', {showLine: false, pointRadius: 3, pointStyle: 'triangle'})], byBuild(builds), axis('findings'));
};
const drawMetric = builds => {
  const names = [...new Set(builds.flatMap(build => Object.keys(build.metrics || {})))].sort();
  const select = $('metric');
  if (!select || !names.length)
    return;
  addOptions(select, names);
  select.value = names.find(name => /p99/.test(name)) || names[0];
  select.closest('p').hidden = false;
  const points = () => builds.map(build => ({x: build.name, y: (build.metrics || {})[select.value] ?? NaN}));
  const chart = draw('metric', [paintLine(select.value, points(), 'chart-1', {pointRadius: 2, spanGaps: true})], byBuild(builds), axis(''));
  select.addEventListener('input', () => {
    chart.data.datasets[0].label = select.value;
    chart.data.datasets[0].data = points();
    chart.update('none');
  });
};

drawFrames(data.frames);
if (data.memory.length > 1)
  drawMemory(data.memory);
if (data.growth && data.growth.length > 1)
  drawGrowth(data.growth);
if (data.builds.length > 1) {
  drawBuilds(data.builds);
  drawMetric(data.builds);
}
root.setAttribute('data-ready', '');
})();
