// What must survive a reload: the step, the answers, the form, the submission's id, the result, the ticket, the challenge.

// early.js reads it too.
const SESSION_KEY = 'proftest';
// Answers are indices: they mean nothing to another version of the questions.
const VERSION = document.querySelector('main').dataset.quiz;

export const session = readSession();

function newSession() {
  return { version: VERSION, step: 'start', answers: [], form: {} };
}

function readSession() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SESSION_KEY));
    if (kept && kept.version === VERSION) return kept;
  } catch {
    // Without storage the test works, but does not survive a reload.
  }
  return newSession();
}

export function saveSession() {
  try {
    sessionStorage.setItem(SESSION_KEY, JSON.stringify(session));
  } catch {
    // As above.
  }
}

export function restartSession() {
  // The proof of what was sent is still owed.
  const { asked } = session;
  for (const key of Object.keys(session)) delete session[key];
  Object.assign(session, newSession(), { asked });
  saveSession();
}

// Made once: a double press, a retry and a reload are one submission.
export function submissionId() {
  if (!session.id) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    session.id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    saveSession();
  }
  return session.id;
}
