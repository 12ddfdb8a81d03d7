// A log, live: a window of lines over a file of any size.

/** Read at once while scrolling. */
const PORTION = 128 << 10;
/** Lines kept; those farthest from the reader go first. */
const LINES_MAX_SHOWN = 5000;
/** A longer line is shown as several. */
const LINE_BYTES_MAX = 16 << 10;

const log = {
  api: '', file: null, main: null, pre: null,
  /** Bytes of the file that are shown, and its size as far as known. */
  from: 0, to: 0, size: 0,
  /** The look at the end, and the bytes of a last line without an end. */
  look: PLAIN, open: null,
  following: true, waiting: 0, loading: false,
  text: '', hit: null, cancelled: null, steps: Promise.resolve(),
};
const decoder = new TextDecoder();

/** Bytes of the file; notices when it has become another one. */
async function read(offset, length, signal) {
  const answer = await fetch(`${log.api}?offset=${offset}&length=${length}`, {signal});
  // A log that nothing was written to may not be there yet.
  if (!answer.ok && answer.status !== 404) throw new Error(`the daemon answers ${answer.status}`);
  const data = answer.ok ? new Uint8Array(await answer.arrayBuffer()) : new Uint8Array();
  const file = answer.headers.get('X-Log-File-Id');
  const begins = Number(answer.headers.get('X-Log-Offset') ?? Math.max(0, offset));
  log.size = Number(answer.headers.get('X-Log-Size') ?? begins + data.length);
  const isAnother = log.file !== null && file !== null && file !== log.file;
  log.file = file ?? log.file;
  if (isAnother || begins < offset) { reset(); throw new DOMException('the log was rotated or emptied', 'AbortError'); }
  data.begins = begins;
  return data;
}

/** A line as an element. What is searched for is marked. */
function lineOf(raw, at, look) {
  const line = el('div');
  Object.assign(line, {raw, at, look});
  return fillLine(line);
}

function fillLine(line) {
  const [found, look] = runs(line.raw, line.look);
  line.after = look;
  const spots = log.text ? [...found.map(([text]) => text).join('').matchAll(shownPattern(log.text))].map(match => [match.index, match.index + match[0].length]) : [];
  const nodes = [];
  let place = 0;
  for (const [text, kind] of found) {
    let rest = 0;
    const put = (to, nth) => {
      if (to <= rest) return;
      const piece = text.slice(rest, to);
      const inner = nth === null ? piece : Object.assign(el('mark', {}, piece), {nth});
      nodes.push(kind ? el('span', {class: kind}, inner) : inner);
      rest = to;
    };
    for (const [nth, [begin, end]] of spots.entries()) {
      put(Math.min(Math.max(begin - place, 0), text.length), null);
      put(Math.min(Math.max(end - place, 0), text.length), nth);
    }
    put(text.length, null);
    place += text.length;
  }
  line.replaceChildren(...nodes, '\n');
  return line;
}

/** Bytes from `offset` on as lines, and what is left without an end. */
function linesOf(data, offset, look) {
  const lines = [];
  let from = 0;
  while (from < data.length) {
    let to = data.indexOf(10, from);
    if (to < 0) to = data.length;
    const ends = to;
    if (to - from > LINE_BYTES_MAX) {
      to = from + LINE_BYTES_MAX;
      while (to > from + 1 && (data[to] & 0xc0) === 0x80) to--;
    }
    const raw = decoder.decode(data.subarray(from, to)).replace(/\r$/, '').split('\r');
    for (const part of raw) {
      const line = lineOf(part, offset + from, look);
      look = line.after;
      lines.push(line);
    }
    from = to < ends ? to : to + 1;
  }
  return [lines, look];
}

const atEnd = () => log.main.scrollHeight - log.main.scrollTop - log.main.clientHeight < 12;
const toEnd = () => { log.main.scrollTop = log.main.scrollHeight; };

/** Puts what comes after the shown part behind it. */
function append(data) {
  const last = log.pre.lastElementChild;
  let offset = log.to, look = log.look, joined = data;
  if (log.open && last) {
    joined = new Uint8Array(log.open.length + data.length);
    joined.set(log.open);
    joined.set(data, log.open.length);
    offset = last.at;
    look = last.look;
    last.remove();
  }
  const cut = joined.lastIndexOf(10) + 1;
  log.open = cut < joined.length && joined.length - cut < LINE_BYTES_MAX ? joined.slice(cut) : null;
  const [lines, after] = linesOf(joined, offset, look);
  log.look = after;
  log.to += data.length;
  log.pre.append(...lines);
  const { pre } = log;
  if (pre.childElementCount > LINES_MAX_SHOWN) {
    const before = log.main.scrollHeight;
    while (pre.childElementCount > LINES_MAX_SHOWN) pre.firstElementChild.remove();
    log.from = pre.firstElementChild.at ?? log.from;
    if (!log.following) log.main.scrollTop -= before - log.main.scrollHeight;
  }
  extent();
}

function prepend(data, offset) {
  const [lines] = linesOf(data, offset, PLAIN);
  const before = log.main.scrollHeight;
  log.pre.prepend(...lines);
  log.from = offset;
  log.main.scrollTop += log.main.scrollHeight - before;
  while (log.pre.childElementCount > LINES_MAX_SHOWN) {
    log.to = log.pre.lastElementChild.at;
    log.look = log.pre.lastElementChild.look;
    log.open = null;
    log.pre.lastElementChild.remove();
  }
  extent();
}

function clear(from) {
  log.pre.replaceChildren();
  Object.assign(log, {from, to: from, look: PLAIN, open: null});
}

/** The file was rotated or emptied: what follows is another one. */
function reset() {
  clear(0);
  Object.assign(log, {size: 0, hit: null});
  log.pre.append(Object.assign(el('div', {class: 'note'}, 'This log was rotated or emptied; it goes on here.\n'), {at: 0, raw: '', look: PLAIN}));
  extent();
}

function extent() {
  document.querySelector('.empty')?.remove();
  log.size = Math.max(log.size, log.to);
  const part = bytes(log.to - log.from);
  const share = log.from === 0 && log.to === log.size ? '' : log.to === log.size ? `last ${part} of `
    : log.from === 0 ? `first ${part} of ` : `${part} at ${bytes(log.from)} of `;
  put($('extent'), `${share}${bytes(log.size)}`);
}

/** One thing at a time. */
async function loadOnce(work) {
  if (log.loading) return;
  log.loading = true;
  try { await work(); } catch (error) { if (error.name !== 'AbortError') toast([[false, error.message]]); }
  log.loading = false;
}

const older = () => loadOnce(async () => {
  if (log.from <= 0) return;
  const begin = Math.max(0, log.from - PORTION);
  let data = await read(begin, log.from - begin);
  let offset = begin;
  const cut = begin > 0 ? data.indexOf(10) + 1 : 0;
  if (cut > 0 && cut < data.length) { data = data.subarray(cut); offset += cut; }
  prepend(data, offset);
});

const newer = () => loadOnce(async () => { append(await read(log.to, PORTION)); });

/** Shows the part around one place, with whole lines. */
async function showAround(place) {
  const begin = Math.max(0, place - PORTION / 2);
  let data = await read(begin, PORTION);
  let offset = begin;
  const cut = begin > 0 ? data.indexOf(10) + 1 : 0;
  if (cut > 0 && begin + cut <= place) { data = data.subarray(cut); offset += cut; }
  clear(offset);
  append(data);
}

/** The newest part. */
const newest = () => loadOnce(async () => {
  let data = await read(-PORTION, PORTION);
  let offset = data.begins;
  const cut = offset > 0 ? data.indexOf(10) + 1 : 0;
  data = data.subarray(cut);
  clear(offset + cut);
  append(data);
});

// Following and pausing.

function follow(on) {
  log.following = on;
  $('follow').setAttribute('aria-pressed', String(on));
  put($('follow'), on ? 'Following' : 'Paused');
  if (on) log.waiting = 0;
  told_();
}

function told_() {
  $('more').hidden = log.following;
  put($('more'), log.waiting ? `${plural(log.waiting, 'new line')} ↓` : 'Newest ↓');
}

/** Goes to the end and on from there. */
async function resume() {
  follow(true);
  if (log.size - log.to > PORTION) await newest();
  while (log.to < log.size && !log.loading) {
    const before = log.to;
    await newer();
    if (log.to === before) break;
  }
  toEnd();
}

function listen() {
  const source = new EventSource(`${log.api}/follow?offset=${Math.max(log.to, log.size)}`);
  source.addEventListener('reset', () => { reset(); log.file = null; });
  source.onmessage = event => {
    const until = parseInt(event.lastEventId, 10);
    const data = wide.encode(event.data);
    log.size = Math.max(log.size, until);
    // Nobody waits for lines that do not follow what is shown: they are read when wanted.
    if (log.following && !log.loading && until - log.to <= data.length + 4 * LINE_BYTES_MAX && until > log.to) {
      append(data);
      log.to = until;
      toEnd();
    } else if (log.following) {
      resume();
    } else {
      log.waiting += event.data.split('\n').length - 1;
      told_();
      extent();
    }
  };
  return source;
}

// Searching.

let typing = 0;
function mark_(text) {
  log.text = text;
  log.hit = null;
  for (const line of log.pre.children) if (line.raw) fillLine(line);
  const count = log.pre.querySelectorAll('mark').length;
  put($('found'), text ? `${count} on this page` : '');
}

/** Finds what is searched for, once for each time it was asked to, in order. */
function find(by) {
  if ($('find').find.value !== log.text) log.cancelled?.abort();
  log.steps = log.steps.then(() => find_(by));
}

async function find_(by) {
  const text = $('find').find.value;
  if (!text) return;
  if (text !== log.text) mark_(text);
  const cancel = log.cancelled = new AbortController();
  const bar = $('searched');
  const begun = performance.now();
  const from = log.hit !== null ? log.hit + (by > 0 ? 1 : 0) : by > 0 ? log.from : log.to;
  const tell = share => {
    bar.value = share;
    if (performance.now() - begun > 150) { bar.hidden = $('cancel').hidden = false; }
    put($('found'), `${Math.round(share * 100)} %`);
  };
  try {
    put($('found'), 'searching');
    const part = async (offset, length) => await read(offset, length, cancel.signal);
    const at = await seek(text, from, by, log.size, part, tell);
    if (at === null) put($('found'), log.hit === null ? 'not found' : by < 0 ? 'none before' : 'none after');
    else await jump(at);
  } catch (error) {
    put($('found'), error.name === 'AbortError' ? 'cancelled' : error.message);
  }
  log.cancelled = null;
  bar.hidden = $('cancel').hidden = true;
}

/** Shows the match at this place of the file. */
async function jump(at) {
  follow(false);
  log.hit = at;
  if (at < log.from || at >= log.to) await showAround(at);
  let line = null;
  for (const each of log.pre.children) { if (each.at > at) break; line = each; }
  // Parts of a line that was cut share its place.
  const ahead = line ? wide.encode(line.raw).subarray(0, at - line.at) : new Uint8Array();
  const before = [...occurrences(ahead, 0, log.text)].length;
  for (const mark of log.pre.querySelectorAll('mark.now')) mark.classList.remove('now');
  // Where colours change within a match it has several marks.
  const marks = [...line?.querySelectorAll('mark') ?? []];
  const nth = Math.min(before, marks.at(-1)?.nth ?? 0);
  const found = marks.filter(mark => mark.nth === nth);
  for (const mark of found) mark.classList.add('now');
  (found[0] ?? line)?.scrollIntoView({block: 'center'});
  put($('found'), `at ${bytes(at)} of ${bytes(log.size)}`);
}

function startLog() {
  log.main = $('log');
  log.api = log.main.dataset.api;
  log.pre = log.main.querySelector('pre');
  $('tools').hidden = false;
  const pill = el('button', {id: 'more', type: 'button', hidden: true, onclick: resume});
  document.body.append(pill);
  const show = async () => { if (log.pre.firstElementChild?.tagName !== 'DIV') clear(0); await newest(); toEnd(); };
  show().then(() => keep(listen, async () => { await read(log.to, 1); if (log.following) await resume(); }));

  let lastTop = 0;
  log.main.addEventListener('scroll', () => {
    const { scrollTop } = log.main;
    if (log.following && scrollTop < lastTop && !atEnd()) follow(false);
    lastTop = scrollTop;
    if (scrollTop < 1500 && log.from > 0 && !log.following) older();
    if (!log.following && atEnd()) { if (log.to < log.size) newer(); else if (!log.held) follow(true); }
  }, {passive: true});
  $('follow').addEventListener('click', () => { if (log.following) { log.held = true; follow(false); } else { log.held = false; resume(); } });
  $('more').addEventListener('click', () => { log.held = false; });
  const wrap = () => {
    const isLong = log.main.classList.toggle('long');
    $('wrap').setAttribute('aria-pressed', String(!isLong));
  };
  $('wrap').addEventListener('click', wrap);
  const field = $('find').find;
  field.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(() => mark_(field.value), 120); });
  $('find').addEventListener('submit', event => { event.preventDefault(); find(-1); });
  $('older').addEventListener('click', () => find(-1));
  $('newer').addEventListener('click', () => find(1));
  $('cancel').addEventListener('click', () => log.cancelled?.abort());
  field.addEventListener('keydown', event => {
    if (event.key === 'Enter') { event.preventDefault(); clearTimeout(typing); find(event.shiftKey ? 1 : -1); }
    if (event.key === 'Escape') {
      if (log.cancelled) return log.cancelled.abort();
      field.value = '';
      mark_('');
      log.main.focus();
    }
  });
  document.addEventListener('keydown', event => {
    if (isTyping(event)) return;
    const keys = {
      '/': () => { field.focus(); field.select(); }, n: () => find(-1), N: () => find(1),
      f: () => $('follow').click(), w: wrap, G: resume, '?': () => help(LOG_KEYS),
      g: () => { follow(false); loadOnce(() => showAround(0)).then(() => { log.main.scrollTop = 0; }); },
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
}

startLog();
