// Quantities in the few letters a column has, as src/web/page/words.rs words them.

const pad = number => String(number).padStart(2, '0');

function uptime(secs) {
  const days = Math.floor(secs / 86400);
  const clock = `${Math.floor(secs / 3600) % 24}:${pad(Math.floor(secs / 60) % 60)}:${pad(secs % 60)}`;
  return days ? `${days}d ${clock}` : clock;
}

/** Seconds of what `uptime` has written. */
function seconds(text) {
  const [, days = 0, hours, minutes, secs] = /^(?:(\d+)d )?(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  return hours === undefined ? null : ((+days * 24 + +hours) * 60 + +minutes) * 60 + +secs;
}

function ago(secs) {
  if (secs < 60) return `${Math.max(0, secs)}s ago`;
  if (secs < 3600) return `${Math.floor(secs / 60)}m ago`;
  return secs < 86400 ? `${Math.floor(secs / 3600)}h ago` : `${Math.floor(secs / 86400)}d ago`;
}

function end(exit) {
  const how = exit.signal ? `SIG${exit.signal}`.replace(/^SIG(SIG|signal)/, '$1') : `exit ${exit.code}`;
  return exit.core ? `${how}, core` : how;
}

function bytes(count) {
  const kib = count / 1024;
  if (kib < 1000) return `${kib.toFixed(0)} K`;
  return kib < 1e6 ? `${(kib / 1024).toFixed(1)} M` : `${(kib / 1048576).toFixed(1)} G`;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

/** A command of the shell that does the same. */
function command(action, targets = [], signal) {
  const quote = word => /^[\w.:/@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  const words = {'restart-daemon': ['reload'], 'clear-main-log': ['clear', 'main']}[action]
    ?? [action, ...(signal ? [signal] : []), ...targets];
  return ['supervisorctl', ...words.map(quote)].join(' ');
}

