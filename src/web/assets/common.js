// What both pages use.

const $ = id => document.getElementById(id);
document.documentElement.classList.add('live');
/** How long a page nobody looks at stays connected. */
const UNSEEN_MS = 60000;

/** An element. Whatever it is to contain goes in as text. */
function el(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...content);
  return element;
}

/** Touches nothing that is as it should be. */
const put = (cell, text) => { if (cell.textContent !== text) cell.textContent = text; };

/** Fails with what the daemon says, or with that it says nothing. */
async function call(path, body) {
  const ask = body === undefined ? {} :
    {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)};
  const answer = await fetch(path, ask).catch(() => { throw new Error('the daemon does not answer'); });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error?.message ?? `the daemon answers ${answer.status}`);
  return said;
}

/** Shows `lines` of [ok, text] until `done` puts others in their place. */
function toast(lines, kind = '') {
  const box = el('div', {class: `notice toast ${kind}`});
  const fill = (lines, kind) => {
    const bad = lines.some(([ok]) => !ok);
    box.className = `notice toast ${bad ? 'bad' : kind}`;
    const items = lines.map(([ok, text]) => el('li', {class: ok ? '' : 'bad'}, text));
    const close = el('button', {class: 'close', type: 'button', 'aria-label': 'Dismiss message', onclick: () => box.remove()}, '✕');
    box.replaceChildren(el('ul', {}, ...items), close);
    if (!bad && kind !== 'wait') setTimeout(() => box.remove(), 7000);
  };
  fill(lines, kind);
  $('toasts').append(box);
  while ($('toasts').children.length > 4) $('toasts').firstChild.remove();
  return lines => fill(lines, '');
}

/** Says in the header how things stand with the daemon. */
function link(kind, text) {
  if ($('link').textContent !== text) $('link').textContent = text;
  $('link').className = kind;
}

/**
 * Keeps a stream open. `open()` makes it, `again()` brings the page up to date after a loss and
 * fails if it cannot. While nobody looks there is none.
 */
function keep(open, again) {
  let source = null, timer = 0, tries = 0, unseen = 0;
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const begin = () => {
    close();
    source = open();
    source.onopen = () => { tries = 0; link('live', 'live'); };
    source.onerror = lost;
  };
  const resume = async () => {
    close();
    try { await again(); begin(); } catch { lost(); }
  };
  const lost = () => {
    close();
    link('lost', 'connection lost, trying again');
    timer = setTimeout(resume, Math.min(1000 * ++tries, 5000));
  };
  document.addEventListener('visibilitychange', () => {
    clearTimeout(unseen);
    if (document.hidden) unseen = setTimeout(() => { close(); link('wait', 'asleep'); }, UNSEEN_MS);
    else if (!source) resume();
  });
  addEventListener('pagehide', close);
  addEventListener('pageshow', event => event.persisted && resume());
  link('wait', 'connecting');
  begin();
}

/** Whether a key is typed into something and so means itself. */
function isTyping(event) {
  return event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null
    || event.target.closest?.('input:not([type=checkbox]), select, textarea') !== null;
}

