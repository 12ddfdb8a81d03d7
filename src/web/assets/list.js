// The list, live. The daemon renders it; here only cells that change are touched.

const [NAME, STATE, PID, UP, RESTARTS, CPU, MEMORY, EXIT, WORDS, ACTS] = Array(10).keys();
const PROBLEMS = new Set(['FATAL', 'BACKOFF', 'UNKNOWN']);
const LIVE = new Set(['RUNNING', 'STARTING', 'BACKOFF', 'STOPPING']);

/** By full name: {tr, name, group, state, bad, since, ended, endWords}; times in seconds of this clock. */
let rows = new Map();
/** Those in the window, whose times tick. */
const inSight = new Set();
const sight = new IntersectionObserver(entries => {
  for (const {target, isIntersecting} of entries) {
    if (isIntersecting) { inSight.add(target.row); tick(target.row, now()); } else inSight.delete(target.row);
  }
}, {rootMargin: '100px'});

const now = () => Math.floor(Date.now() / 1000);
const box = tr => tr.cells[0].querySelector('input');
const isProblem = row => PROBLEMS.has(row.state) || row.bad;

function buttons(names, log) {
  const acts = el('span', {class: 'acts'});
  for (const [act, label] of names) acts.append(el('button', {type: 'button', 'data-act': act}, label));
  if (log) acts.append(log);
  return acts;
}

/** Takes over the rows as they were rendered. */
function adopt() {
  rows = new Map();
  inSight.clear();
  sight.disconnect();
  const forRow = buttons([['start', 'Start'], ['stop', 'Stop'], ['restart', 'Restart'], ['more', 'More']]);
  const forGroup = buttons([['start', 'Start'], ['stop', 'Stop'], ['restart', 'Restart']]);
  const at = now();
  const folded = new Set(JSON.parse(localStorage.getItem('folded') ?? '[]'));
  for (const tr of $('list').tBodies.length ? $('list').querySelectorAll('tbody > tr') : []) {
    const name = box(tr).value;
    if (tr.classList.contains('g')) {
      const group = name.slice(0, -2);
      const isFolded = folded.has(group);
      tr.parentNode.classList.toggle('folded', isFolded);
      tr.cells[0].prepend(el('button', {class: 'fold', type: 'button', 'data-act': 'fold', 'aria-expanded': String(!isFolded), 'aria-label': `Members of ${group}`}));
      tr.cells[1].append(forGroup.cloneNode(true));
      continue;
    }
    const cells = tr.cells;
    const up = seconds(cells[UP].textContent);
    const age = cells[EXIT].dataset.a;
    const row = {
      tr, name, state: cells[STATE].textContent, bad: tr.classList.contains('x'),
      since: up === null ? null : at - up,
      ended: age === undefined ? null : at - age,
      endWords: cells[EXIT].textContent.replace(/, \d+\w ago$/, ''),
      lower: `${name}\n${cells[WORDS].textContent}`.toLowerCase(),
    };
    tr.row = row;
    const log = cells[ACTS].firstElementChild;
    if (log) log.textContent = 'Log';
    const acts = forRow.cloneNode(true);
    if (log) acts.insertBefore(log, acts.lastChild);
    cells[ACTS].append(acts);
    rows.set(name, row);
    sight.observe(tr);
  }
}

function tick(row, at) {
  put(row.tr.cells[UP], row.since === null ? '' : uptime(at - row.since));
  put(row.tr.cells[EXIT], row.ended === null ? '' : `${row.endWords}, ${ago(at - row.ended)}`);
}

/** What the daemon says of one process. */
function change(process) {
  const row = rows.get(process.full_name);
  if (!row) return void renewSoon();
  const {cells} = row.tr;
  const exit = process.last_exit;
  row.state = process.state;
  row.bad = process.state === 'EXITED' && exit !== null && !exit.expected;
  row.since = process.uptime === null ? null : now() - Math.floor(process.uptime);
  row.ended = exit && Math.floor(exit.at) + skew;
  row.endWords = exit && end(exit);
  row.tr.className = `s${process.statecode}${row.bad ? ' x' : ''}${row.tr === current ? ' now' : ''}`;
  put(cells[STATE], process.state);
  put(cells[PID], process.pid ? String(process.pid) : '');
  put(cells[RESTARTS], String(process.restarts));
  cells[EXIT].classList.toggle('x', exit !== null && !exit.expected);
  put(cells[WORDS], process.state === 'RUNNING' ? '' : process.description);
  row.lower = `${row.name}\n${cells[WORDS].textContent}`.toLowerCase();
  use(row, process.cpu, process.memory);
  tick(row, now());
  settleSoon();
}

function use({tr}, cpu, memory) {
  put(tr.cells[CPU], cpu === null ? '' : cpu.toFixed(1));
  put(tr.cells[MEMORY], memory === null ? '' : bytes(memory));
}

// What depends on all rows: who is visible, the counts, what is selected.

let settling = 0;
function settleSoon() {
  settling ||= requestAnimationFrame(() => { settling = 0; settle(); });
}

let wanted = new URLSearchParams(location.search).get('state');
function settle() {
  const text = $('search').filter.value.toLowerCase();
  const counts = new Map();
  let problems = 0;
  for (const row of rows.values()) {
    counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
    problems += isProblem(row);
    const fits = (!wanted || wanted === row.state || wanted === 'problems' && isProblem(row)) && row.lower.includes(text);
    if (row.tr.hidden === fits) row.tr.hidden = !fits;
    if (!fits) box(row.tr).checked = false;
  }
  for (const chip of $('states').children) {
    const state = new URL(chip.href).searchParams.get('state');
    const count = state === null ? rows.size : state === 'problems' ? problems : counts.get(state) ?? 0;
    put(chip.lastElementChild, String(count));
    chip.hidden = state !== null && count === 0 && state !== wanted;
    if (state === wanted) chip.setAttribute('aria-current', 'true'); else chip.removeAttribute('aria-current');
  }
  for (const head of $('list').querySelectorAll('tr.g')) {
    const members = membersOf(head);
    head.hidden = !members.some(tr => !tr.hidden);
    const states = new Map();
    for (const tr of members) states.set(tr.row.state, [tr.className.split(' ')[0], (states.get(tr.row.state)?.[1] ?? 0) + 1]);
    const tally = head.querySelector('.tally');
    const text = [...states].map(([state, [, count]]) => `${count} ${state}`).sort().join();
    if (tally.told !== text) {
      tally.told = text;
      tally.replaceChildren(...[...states].map(([state, [kind, count]]) => el('span', {class: kind}, `${count} ${state}`)));
    }
  }
  document.title = document.title.replace(/^(\(\d+\) )?/, problems ? `(${problems}) ` : '');
  showChosen();
}

const membersOf = head => [...head.parentNode.rows].filter(tr => tr.row);
const chosen = () => [...rows.values()].filter(row => box(row.tr).checked);

function showChosen() {
  const all = [...rows.values()].filter(row => !row.tr.hidden);
  const picked = chosen();
  mark(document.querySelector('.everything input'), all.length, picked.length);
  for (const head of $('list').querySelectorAll('tr.g')) {
    const members = membersOf(head).filter(tr => !tr.hidden);
    mark(box(head), members.length, members.filter(tr => box(tr).checked).length);
  }
  document.querySelector('.bar').classList.toggle('some', picked.length > 0);
  put($('chosen'), picked.length ? `${picked.length} selected` : '');
}

function mark(input, all, some) {
  input.checked = all > 0 && some === all;
  input.indeterminate = some > 0 && some < all;
}

/** The shortest way to name these rows. */
function targets(picked) {
  if (picked.length === rows.size && picked.length > 1) return ['all'];
  const names = new Set(picked.map(row => row.name));
  const whole = [];
  for (const head of $('list').querySelectorAll('tr.g')) {
    const members = membersOf(head);
    if (members.length > 1 && members.every(tr => names.has(tr.row.name))) {
      whole.push(box(head).value);
      for (const tr of members) names.delete(tr.row.name);
    }
  }
  return [...whole, ...names];
}

// Selection and the row that keys act on.

let current = null;
function go(tr) {
  if (!tr) return;
  current?.classList.remove('now');
  current = tr;
  tr.classList.add('now');
  box(tr).focus({preventScroll: true});
  tr.scrollIntoView({block: 'nearest'});
}

const walkable = () => [...$('list').querySelectorAll('tbody > tr')].filter(tr =>
  !tr.hidden && (tr.classList.contains('g') || !tr.parentNode.classList.contains('folded')));

function step(by) {
  const all = walkable();
  const at = all.indexOf(current);
  go(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]);
}

function select(tr, on) {
  if (tr.row) box(tr).checked = on;
  else for (const member of membersOf(tr)) if (!member.hidden) box(member).checked = on;
  showChosen();
}

/** The rows keys act on: those that are selected, else the current one or its group. */
function meant() {
  const picked = chosen();
  if (picked.length || !current) return picked;
  return current.row ? [current.row] : membersOf(current).map(tr => tr.row);
}

function fold(head) {
  const isFolded = head.parentNode.classList.toggle('folded');
  head.querySelector('.fold').setAttribute('aria-expanded', String(!isFolded));
  const names = [...$('list').querySelectorAll('.folded > .g')].map(tr => box(tr).value.slice(0, -2));
  localStorage.setItem('folded', JSON.stringify(names));
}

/** A list of names and values; what has none is left out. */
function pairs(values) {
  const show = value => Array.isArray(value) ? value.join(', ') : typeof value === 'object'
    ? Object.entries(value).map(([key, value]) => `${key}=${value}`).join('\n') : String(value);
  const told = Object.entries(values).map(([key, value]) => [key, value === null || value === undefined ? '' : show(value)]);
  return el('dl', {}, ...told.filter(([, text]) => text !== '').flatMap(([key, text]) => [el('dt', {}, key), el('dd', {}, text)]));
}

/** All there is to know of one process, and what is seldom done to it. */
async function more({name}) {
  const path = `/api/v1/processes/${encodeURIComponent(name)}`;
  let process, config;
  try { [process, config] = await Promise.all([call(path), call(`${path}/config`).catch(() => ({}))]); }
  catch (error) { return toast([[false, error.message]]); }
  const exit = process.last_exit;
  const facts = {
    State: process.state, Description: process.description, 'Start error': process.spawnerr, PID: process.pid,
    Started: process.started && new Date(process.started * 1000).toLocaleString(), Restarts: process.restarts,
    'Last exit': exit && `${end(exit)}${exit.expected ? '' : ', not expected'}, ${new Date(exit.at * 1000).toLocaleString()}`,
    CPU: process.cpu === null ? null : `${process.cpu.toFixed(1)} %, ${(process.cpu_seconds ?? 0).toFixed(1)} s in all`,
    Memory: process.memory && bytes(process.memory), Descriptors: process.descriptors,
  };
  const scroll = el('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Details'}, pairs(facts), el('h3', {}, 'Configuration'), pairs(config));
  const signals = document.querySelector('.bar select').cloneNode(true);
  const form = el('form', {method: 'dialog', class: 'answer'},
    el('button', {value: 'clear'}, 'Clear logs…'),
    el('span', {class: 'pair'}, signals, el('button', {value: 'signal'}, 'Send signal…')),
    el('button', {value: 'no', class: 'primary', autofocus: true}, 'Close'));
  const answer = await dialog(name, [scroll, form], {class: 'wide'});
  if (answer === 'clear') act('clear', [name]);
  if (answer === 'signal') act('signal', [name], signals.value);
}

// The stream of changes.

let serial = '';
/** This clock less the daemon's, in seconds. */
let skew = 0;
let refreshing = null;

/** Has the daemon render the list anew and puts it in place; what is selected stays so. */
function refresh() {
  refreshing ??= renew().finally(() => { refreshing = null; });
  return refreshing;
}

/** From where on the stream tells what this page does not know. */
function follow(page) {
  const {serial: place, now: then} = page.querySelector('main').dataset;
  serial = place;
  skew = now() - then;
}

async function renew() {
  const answer = await fetch('/');
  if (!answer.ok) throw new Error(`the daemon answers ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const picked = new Set(chosen().map(row => row.name));
  const place = current && box(current).value;
  const hadFocus = current?.contains(document.activeElement);
  $('list').replaceWith(document.adoptNode(page.getElementById('list')));
  $('mood').replaceWith(document.adoptNode(page.getElementById('mood')));
  for (const field of document.querySelectorAll('[name=token]')) field.value = page.querySelector('[name=token]').value;
  follow(page);
  current = null;
  adopt();
  for (const name of picked) if (rows.has(name)) box(rows.get(name).tr).checked = true;
  settle();
  const tr = [...$('list').querySelectorAll('tbody > tr')].find(tr => box(tr).value === place);
  if (tr && hadFocus) go(tr); else if (tr) { current = tr; tr.classList.add('now'); }
}

/** Where many processes come or go, once for all. */
let renewal = 0;
function renewSoon() {
  renewal ||= setTimeout(() => { renewal = 0; refresh().catch(() => {}); }, 100);
}

function watch() {
  const source = new EventSource(`/api/v1/watch?since=${serial}`);
  const on = (type, work) => source.addEventListener(type, event => {
    if (event.lastEventId) serial = event.lastEventId;
    work(event.data ? JSON.parse(event.data) : null);
  });
  on('process', change);
  on('usage', usage => usage.forEach(([name, cpu, memory]) => rows.has(name) && use(rows.get(name), cpu, memory)));
  for (const type of ['gone', 'groups', 'reload']) on(type, renewSoon);
  on('daemon', daemon => {
    const mood = daemon?.state ?? $('mood').textContent;
    put($('mood'), mood);
    $('mood').className = mood;
  });
  return source;
}

function startList() {
  follow(document);
  adopt();
  settle();
  keep(watch, refresh);
  setInterval(() => { const at = now(); if (!document.hidden) for (const row of inSight) tick(row, at); }, 1000);

  const search = $('search').filter;
  const remember = () => {
    const query = new URLSearchParams();
    if (search.value) query.set('filter', search.value);
    if (wanted) query.set('state', wanted);
    history.replaceState(null, '', query.size ? `/?${query}` : '/');
    settle();
  };
  search.placeholder = 'Filter  ( / )';
  search.addEventListener('input', remember);
  $('search').addEventListener('submit', event => { event.preventDefault(); step(1); });
  $('states').addEventListener('click', event => {
    const chip = event.target.closest('a');
    if (!chip || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const state = new URL(chip.href).searchParams.get('state');
    wanted = state === wanted ? null : state;
    remember();
  });
  const form = $('processes');
  form.addEventListener('change', event => {
    const input = event.target;
    if (input.name !== 'target') return;
    if (input.value === 'all') for (const row of rows.values()) box(row.tr).checked = input.checked && !row.tr.hidden;
    else if (input.closest('.g')) return select(input.closest('tr'), input.checked);
    showChosen();
  });
  form.addEventListener('click', event => {
    const tr = event.target.closest('#list tbody > tr');
    const button = event.target.closest('button[data-act]');
    if (tr && event.target.closest('label, button')) { current?.classList.remove('now'); current = tr; tr.classList.add('now'); }
    if (!button) return;
    const kind = button.dataset.act;
    if (kind === 'fold') fold(tr);
    else if (kind === 'more') more(tr.row);
    else act(kind, [box(tr).value]);
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    const action = event.submitter?.value;
    if (action in VERBS) act(action, targets(chosen()), action === 'signal' ? form.signal.value : undefined);
  });
  $('daemon').addEventListener('submit', event => {
    event.preventDefault();
    $('daemon').parentNode.open = false;
    actDaemon(event.submitter.value);
  });
  document.addEventListener('click', event => {
    for (const menu of document.querySelectorAll('.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener('keydown', listKey);
  if (new URLSearchParams(location.search).has('notice')) remember();
}

function listKey(event) {
  const search = $('search').filter;
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) {
    const menu = document.querySelector('.menu[open]');
    if (menu) { menu.open = false; return menu.firstElementChild.focus(); }
    if (event.target === search) { search.value = ''; search.dispatchEvent(new Event('input')); return search.blur(); }
    for (const row of chosen()) box(row.tr).checked = false;
    return showChosen();
  }
  if (isTyping(event)) return;
  const rowFor = current?.row;
  const keys = {
    '/': () => { search.focus(); search.select(); },
    j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
    x: () => current && select(current, current.row ? !box(current).checked : !box(current).checked),
    a: () => { for (const row of rows.values()) box(row.tr).checked = !row.tr.hidden; showChosen(); },
    s: () => { const those = meant(); act(those.some(row => LIVE.has(row.state)) ? 'stop' : 'start', targets(those)); },
    r: () => act('restart', targets(meant())),
    l: () => { const log = rowFor?.tr.querySelector('.acts a'); if (log) location.href = log.href; },
    Enter: () => { if (rowFor) more(rowFor); else if (current) fold(current); },
    '?': () => help(KEYS),
  };
  if (!Object.hasOwn(keys, event.key)) return;
  // A button or link under the focus keeps its own Enter.
  if (event.key === 'Enter' && event.target.closest('button, a, summary')) return;
  if (event.key.startsWith('Arrow') && !event.target.closest('#list, body')) return;
  event.preventDefault();
  keys[event.key]();
}

startList();
