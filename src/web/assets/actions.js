// What is asked of the daemon, and what came of it.

const VERBS = {
  start: ['Start', 'Starting'], stop: ['Stop', 'Stopping'], restart: ['Restart', 'Restarting'],
  clear: ['Clear logs of', 'Clearing logs of'], signal: ['Signal', 'Signalling'],
};
/** Results told one by one; of more only failures are. */
const LINES_MAX = 6;

const named = targets => targets.length > 1 ? plural(targets.length, 'target')
  : targets[0] === 'all' ? 'all processes' : targets[0].replace(/^(.*):\*$/, 'group $1');

/** Does it, after asking where it hurts. */
async function act(action, targets, signal) {
  if (targets.length === 0) return;
  const shell = command(action, targets, signal);
  const [verb, doing] = VERBS[action];
  const what = action === 'signal' ? `Send ${signal} to` : verb;
  if (action !== 'start' && !await ask(`${what} ${named(targets)}?`, verb.split(' of')[0], shell, targets)) return;
  await doing_(`${doing} ${named(targets)}…`, async () => {
    const {results} = await call('/api/v1/actions', {action, targets, ...(signal && {signal}), wait: true});
    const failed = results.filter(result => !result.ok);
    if (results.length <= LINES_MAX) return results.map(told);
    return [...failed.slice(0, LINES_MAX).map(told), [failed.length === 0, `${results.length - failed.length} of ${results.length} done`]];
  });
}

const told = ({ok, name, message, code}) => {
  const text = message || code.toLowerCase().replaceAll('_', ' ');
  return [ok, text.startsWith(name) ? text : `${name}: ${text}`];
};

/** Shows that something is going on, and then the outcome. */
async function doing_(text, work) {
  const done = toast([[true, text]], 'wait');
  try { done(await work()); } catch (error) { done([[false, error.message]]); }
}

/** Actions of the daemon: address, question, button, what is said after. */
const DAEMON = {
  reread: ['reread'],
  update: ['update', 'Carry out what changed in the configuration?', 'Update'],
  'clear-main-log': ['clear-log', 'Empty the main log?', 'Clear main log'],
  'restart-daemon': ['restart', 'Stop everything and restart the daemon?', 'Restart daemon'],
  shutdown: ['shutdown', 'Stop everything and end the daemon?', 'Shut down'],
};

async function actDaemon(action) {
  const [path, question, verb] = DAEMON[action];
  if (question && !await ask(question, verb, command(action))) return;
  await doing_(`${command(action).slice('supervisorctl '.length)}…`, async () => {
    const said = await call(`/api/v1/daemon/${path}`, {});
    if (said.results?.length) return said.results.map(told);
    return [[true, said.message ?? summary(said) ?? `${path}: done`]];
  });
}

/** Lists of names, as reread and update answer. */
function summary(said) {
  const parts = Object.entries(said).filter(([, names]) => Array.isArray(names) && names.length > 0)
    .map(([what, names]) => `${what}: ${names.join(', ')}`);
  return parts.length ? parts.join('; ') : Object.values(said).some(Array.isArray) ? 'nothing has changed' : null;
}

