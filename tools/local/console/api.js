// Calls to the console's server: loads that report only changes, commands, and the polling loop.

const LOAD_TIMEOUT_MS = 5000;
// A sample lead may meet a cold start of the functions.
const COMMAND_TIMEOUT_MS = 20000;
const POLL_MS = 1000;
const BACKOFF_MAX_MS = 15000;

/** The server answered, but not with success. */
export class HttpError extends Error {
  constructor(path, status, message) {
    super(message || `${status} on ${path}`);
    this.status = status;
  }
}

/** No whole answer came: refused, cut off, or too late. */
export class Unreachable extends Error {}

async function exchange(path, timeoutMs, options) {
  try {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(timeoutMs), ...options });
    return { answer, body: await answer.text() };
  } catch (cause) {
    throw new Unreachable("The stack does not answer.", { cause });
  }
}

async function request(path, timeoutMs, options = {}) {
  const { answer, body } = await exchange(path, timeoutMs, options);
  if (answer.ok) return body;
  let message = "";
  try {
    message = JSON.parse(body).error;
  } catch {
    // Not JSON: the status and path say enough.
  }
  throw new HttpError(path, answer.status, typeof message === "string" ? message : "");
}

const last = new Map();

/** Loads `path` for `slot` and gives its JSON to `apply`, unless it is what `slot` already shows. */
export async function load(slot, path, apply, wanted = () => true) {
  const body = await request(path, LOAD_TIMEOUT_MS);
  const before = last.get(slot);
  if (!wanted() || (before?.path === path && before.body === body)) return;
  apply(JSON.parse(body));
  last.set(slot, { path, body });
}

/** Forgets what `slot` shows, so that the next load renders. */
export const forget = (slot) => last.delete(slot);

/** Sends a command, `data` as JSON. Returns the parsed body, or null when there is none. */
export async function send(method, path, data) {
  const json = data === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(data) };
  const body = await request(path, COMMAND_TIMEOUT_MS, { method, ...json });
  return body ? JSON.parse(body) : null;
}

/**
 * Runs `round` every second while the tab is visible, one at a time; after a failure it waits
 * longer each time. Calls `report(error | null, wait_ms)` after each round.
 */
export function poll(round, report) {
  let timer = 0;
  let wait = POLL_MS;
  let running = false;
  let again = false;

  async function run() {
    clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    let error = null;
    try {
      await round();
    } catch (cause) {
      error = cause;
    }
    running = false;
    wait = error ? Math.min(wait * 2, BACKOFF_MAX_MS) : POLL_MS;
    report(error, wait);
    if (!document.hidden) timer = setTimeout(run, again && !error ? 0 : wait);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else run();
  });
  run();
  return run;
}
