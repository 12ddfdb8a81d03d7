// Questions before something hurts, and what there is to know.

/** Opens a dialog that goes away when it is closed; resolves with what closed it. */
function dialog(title, content, attributes = {}) {
  const before = document.activeElement;
  return new Promise(resolve => {
    const heading = el('h2', {id: 'dialog-title'}, title);
    const box = el('dialog', {'aria-labelledby': 'dialog-title', ...attributes}, heading, ...content);
    box.addEventListener('click', event => event.target === box && box.close());
    box.addEventListener('close', () => {
      box.remove();
      before?.focus?.({preventScroll: true});
      resolve(box.returnValue);
    });
    document.body.append(box);
    box.showModal();
  });
}

/** A command with a button that copies it. */
function shown(command) {
  const copy = el('button', {type: 'button', onclick: async () => {
    // Without TLS browsers have no clipboard for pages; a selection is half the way.
    try {
      await navigator.clipboard.writeText(command);
      copy.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      copy.textContent = 'Press Ctrl+C';
    }
  }}, 'Copy');
  const code = el('code', {tabindex: '0'}, command);
  return [el('p', {class: 'label'}, 'The same in a shell:'), el('div', {class: 'command'}, code, copy)];
}

/** Resolves with whether it is to be done. */
async function ask(title, verb, command, targets = [], danger = true) {
  const list = targets.length > 1
    ? [el('ul', {class: 'targets', tabindex: '0', 'aria-label': 'Targets'}, ...targets.map(target => el('li', {}, target)))] : [];
  const form = el('form', {method: 'dialog', class: 'answer'},
    el('button', {value: 'no'}, 'Cancel'),
    el('button', {value: 'yes', class: `primary ${danger ? 'danger' : ''}`, autofocus: true}, verb));
  return await dialog(title, [...list, ...shown(command), form]) === 'yes';
}

const KEYS = [
  ['/', 'filter, or search in a log'], ['j k', 'next and previous row'], ['x', 'select the row'],
  ['a', 'select all that are visible'], ['s', 'start or stop'], ['r', 'restart'], ['l', 'log'],
  ['Enter', 'details, signals, clear logs'], ['Esc', 'close, clear filter and selection'],
];
const LOG_KEYS = [
  ['/', 'search'], ['n N', 'match before and after'], ['f', 'follow or pause'], ['w', 'wrap long lines'],
  ['g G', 'beginning and end'], ['Esc', 'stop searching'],
];

function help(keys) {
  const rows = keys.flatMap(([key, what]) =>
    [el('dt', {}, ...key.split(' ').flatMap(key => [el('kbd', {}, key), ' '])), el('dd', {}, what)]);
  const form = el('form', {method: 'dialog', class: 'answer'}, el('button', {}, 'Close'));
  dialog('Keys', [el('dl', {}, ...rows), form]);
}

