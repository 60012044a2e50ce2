// One attempt to send the lead, and what it came to.

// Of the page's own origin: a CDN that carries /proftest must carry this too.
const SEND_URL = '/api/landing/proftest';
// Longer than intake may take (10 s) and the network with it.
const SEND_TIMEOUT_MS = 15_000;
const PAUSE_MIN_S = 2;
const PAUSE_MAX_S = 60;

// {done: answer} | {refused: answer} | {again: true, offline, after}
export async function sendLead(lead) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), SEND_TIMEOUT_MS);
  try {
    const response = await fetch(SEND_URL, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(lead),
      signal: aborter.signal,
    });
    if (response.status === 429 || response.status >= 500) {
      return { again: true, after: Number(response.headers.get('retry-after')) || 0 };
    }
    const answer = await response.json();
    return response.ok && answer.success ? { done: answer } : { refused: answer };
  } catch {
    // No network, no answer in time, or one that is not ours (a hotel's login page): the lead is not lost.
    return { again: true, offline: !navigator.onLine, after: 0 };
  } finally {
    clearTimeout(timer);
  }
}

// Doubles from attempt to attempt; jittered, because everybody else's page is waiting too.
export function pauseSeconds(attempt, after) {
  const pause = Math.min(PAUSE_MIN_S * 2 ** attempt, PAUSE_MAX_S) * (0.75 + Math.random() / 4);
  return Math.ceil(Math.max(pause, Math.min(after, PAUSE_MAX_S)));
}
