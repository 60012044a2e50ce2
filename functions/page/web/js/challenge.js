// What the server wants of a browser: to know when the test was begun, and sometimes a proof of work. The visitor sees
// nothing of either.
import { saveSession, session } from './session.js';

const AGAIN_MS = 5_000;
const script = '{{asset:worker.js}}';
let workerUrl;

// Without a ticket the server asks for a proof instead.
export async function fetchTicket() {
  try {
    if (!session.ticket) session.ticket = (await (await fetch('/api/landing/challenge')).json()).ticket;
    saveSession();
  } catch {
    // As above.
  }
}

// Goes on after a reload.
export function prove() {
  const { asked } = session;
  if (!asked) return;
  try {
    const worker = new Worker(workerUrl || allowWorker());
    worker.onerror = () => setTimeout(prove, AGAIN_MS);
    worker.onmessage = ({ data }) => {
      if (!data.done) return;
      delete session.asked;
      saveSession();
    };
    if (asked.siteKey) import('{{asset:turnstile.js}}').then((module) => module.bringTokens(worker, asked.siteKey));
    worker.postMessage(asked);
  } catch {
    // A browser without workers: the team decides about the message.
  }
}

// The page's policy takes no plain address, and this rule once.
function allowWorker() {
  const rule = { createScriptURL: () => script };
  const { trustedTypes } = window;
  workerUrl = (trustedTypes ? trustedTypes.createPolicy('worker', rule) : rule).createScriptURL('');
  return workerUrl;
}
