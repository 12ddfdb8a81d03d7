// Looks for text in a log of any size, in parts, without keeping any.

/** Bytes asked for at once; the most the daemon gives. */
const PART = 1 << 20;
/** Parts overlap, so that a match on a border is seen. */
const OVERLAP = 4096;

// One letter a byte, so that places in the string are places in the file.
const narrow = new TextDecoder('latin1');
const wide = new TextEncoder();
const literal = letter => letter.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** For text as it is shown; letters of ASCII match in both cases. */
const shownPattern = text => new RegExp(literal(text).replace(/[a-z]/gi, both), 'g');
const both = letter => `[${letter.toLowerCase()}${letter.toUpperCase()}]`;

/** For bytes read by `narrow`, with colours changing anywhere in between. */
function bytePattern(text, hasEscapes) {
  const letters = [...narrow.decode(wide.encode(text))].map(letter => /[a-z]/i.test(letter) ? both(letter) : literal(letter));
  return new RegExp(letters.join(hasEscapes ? '(?:\\x1b\\[[ -?]*[@-~])*' : ''), 'g');
}

/** Where in these bytes, which begin at `offset`, the text occurs. */
function* occurrences(data, offset, text) {
  const string = narrow.decode(data);
  for (const match of string.matchAll(bytePattern(text, string.includes('\x1b')))) yield offset + match.index;
}

/**
 * The nearest place before `from` (`by` -1) or at and after it (`by` 1); null if there is none.
 * `read(offset, length)` gives bytes, `tell(share)` hears how far it is, 0 to 1.
 */
async function seek(text, from, by, size, read, tell) {
  let edge = from;
  const all = by < 0 ? from : size - from;
  while (by < 0 ? edge > 0 : edge < size) {
    const begin = by < 0 ? Math.max(0, edge - PART + OVERLAP) : edge;
    const limit = by < 0 ? edge : begin + PART - OVERLAP;
    const data = await read(begin, Math.min(PART, size - begin));
    let last = null;
    for (const at of occurrences(data, begin, text)) {
      if (at >= limit) break;
      last = at;
      if (by > 0) return at;
    }
    if (last !== null) return last;
    edge = by < 0 ? begin : limit;
    tell(all ? Math.min(1, Math.abs(edge - from) / all) : 1);
  }
  return null;
}

