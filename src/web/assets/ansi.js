// Colours of output as classes, as src/web/ansi.rs does it: text nodes only, nothing is markup.

const ESCAPE = new RegExp('\\x1b(?:\\[([ -?]*)([@-~])|[\\]P_^][^\\x07\\x1b]{0,250}(?:\\x07|\\x1b\\\\)|[()][\\x00-\\x7f]|[78=>cDEM])', 'g');
const ATTRIBUTES = [['b', 1, 22], ['d', 2, 22], ['i', 3, 23], ['u', 4, 24], ['v', 7, 27], ['s', 9, 29]];
const PLAIN = {on: '', ink: null, paper: null};

/** The one of sixteen colours that a colour is called by. */
function sixteen(rgb) {
  const most = Math.max(...rgb), least = Math.min(...rgb);
  if (most - least < 32) return most < 64 ? 0 : most < 150 ? 8 : most < 220 ? 7 : 15;
  const hue = rgb.reduce((hue, part, at) => part > Math.floor((most + least) / 2) ? hue | 1 << at : hue, 0);
  return most > 200 ? hue + 8 : hue;
}

function extended(numbers) {
  const kind = numbers.shift();
  if (kind === 5 && numbers.length) {
    const n = Math.min(255, numbers.shift());
    if (n < 16) return n;
    if (n >= 232) return sixteen(Array(3).fill((n - 232) * 10 + 8));
    return sixteen([Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map(part => part * 51));
  }
  if (kind === 2 && numbers.length >= 3) return sixteen(numbers.splice(0, 3).map(part => Math.min(255, part)));
  return null;
}

/** The look after the numbers of one SGR. */
function restyle(look, text) {
  const numbers = text.split(/[;:]/).map(number => number === '' ? 0 : Number(number));
  let {on, ink, paper} = look;
  while (numbers.length) {
    const number = numbers.shift();
    if (number === 0) [on, ink, paper] = ['', null, null];
    else if (number >= 30 && number <= 37) ink = number - 30;
    else if (number === 38) ink = extended(numbers) ?? ink;
    else if (number === 39) ink = null;
    else if (number >= 40 && number <= 47) paper = number - 40;
    else if (number === 48) paper = extended(numbers) ?? paper;
    else if (number === 49) paper = null;
    else if (number >= 90 && number <= 97) ink = number - 82;
    else if (number >= 100 && number <= 107) paper = number - 92;
    else for (const [name, set, unset] of ATTRIBUTES) {
      if (number === set && !on.includes(name)) on += name;
      if (number === unset) on = on.replace(name, '');
    }
  }
  return {on, ink, paper};
}

const classes = ({on, ink, paper}) =>
  [...on, ...(ink === null ? [] : [`f${ink}`]), ...(paper === null ? [] : [`k${paper}`])].join(' ');

/** Pictures for what would be invisible or act on the text around it. */
const visible = text => text
  .replace(/[\x00-\x08\x0b-\x1f]/g, letter => String.fromCharCode(0x2400 + letter.charCodeAt(0)))
  .replace(/\x7f/g, '\u2421').replace(/[\x80-\x9f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');

/** Takes a line apart: [text, classes] of each run, and the look at its end. */
function runs(line, look) {
  const found = [];
  let from = 0;
  const put = to => { if (to > from) found.push([visible(line.slice(from, to)), classes(look)]); };
  for (const escape of line.matchAll(ESCAPE)) {
    put(escape.index);
    from = escape.index + escape[0].length;
    if (escape[2] === 'm') look = restyle(look, escape[1]);
  }
  put(line.length);
  return [found, look];
}

