// Sends the form, again and again until it is saved or refused.
import { slug, source } from './campaign.js';
import { prove } from './challenge.js';
import { checkForm, emptyTrap, lockForm, readForm, showRefusal } from './form.js';
import { pauseSeconds, sendLead } from './send.js';
import { saveSession, session, submissionId } from './session.js';
import { TEXTS } from './texts.js';
import { touches } from './touch.js';

const sendButton = document.getElementById('send');
const notice = document.getElementById('notice');
let busy = false;
let attempt = 0;
let timer = 0;
let onSaved;

export function setUpSubmit(texts, saved) {
  onSaved = (answer, lead) => saved(answer, lead);
  document.getElementById('form').addEventListener('submit', (event) => {
    event.preventDefault();
    submit(texts);
  });
  window.addEventListener('online', () => {
    if (session.sending) submit(texts);
  });
  if (session.sending) submit(texts);
  prove();
}

async function submit(texts) {
  if (busy || session.result) return;
  clearTimeout(timer);
  put('notice-count', '');
  if (!checkForm()) {
    tell('', '');
    endSubmission();
    return;
  }
  busy = true;
  session.sending = true;
  saveSession();
  lockForm(true);
  put('send', TEXTS.sending);
  sendButton.setAttribute('aria-disabled', 'true');
  const lead = payload(texts);
  const answer = await sendLead(lead);
  busy = false;
  lockForm(false);
  sendButton.removeAttribute('aria-disabled');
  if (answer.done) {
    const { challenge, siteKey } = answer.done;
    if (challenge) session.asked = { challenge, siteKey };
    onSaved(answer.done, lead);
    prove();
    endSubmission();
  } else if (answer.refused) {
    emptyTrap();
    endSubmission();
    const shown = showRefusal(answer.refused.fields || {});
    tell(shown ? '' : TEXTS.refused, answer.refused.error || '');
  } else {
    put('send', TEXTS.sendNow);
    tell(answer.offline ? TEXTS.offline : TEXTS.busy, TEXTS.kept);
    wait(texts, pauseSeconds(attempt, answer.after));
    attempt += 1;
  }
}

// The button waits for a press again.
function endSubmission() {
  attempt = 0;
  session.sending = false;
  saveSession();
  put('send', TEXTS.send);
}

function wait(texts, seconds) {
  put('notice-count', seconds > 0 ? TEXTS.after(seconds) : '');
  timer = setTimeout(() => (seconds > 0 ? wait(texts, seconds - 1) : submit(texts)), seconds > 0 ? 1000 : 0);
}

// A new text each time: a changed one counts as moved.
function put(id, text) {
  document.getElementById(id).replaceChildren(text);
}

// It stands in the place of the way back, so that nothing moves when it comes.
function tell(title, text) {
  put('notice-title', title);
  put('notice-text', title && text);
  notice.classList.toggle('empty', !title);
  document.getElementById('edit').hidden = title !== '';
  if (title) notice.scrollIntoView({ block: 'nearest' });
}

function payload(texts) {
  return {
    ...readForm(),
    submissionId: submissionId(),
    source,
    campaignSlug: slug || undefined,
    answers: session.answers,
    proftestAnswers: session.answers.map((at, index) => ({
      questionNumber: index + 1,
      question: texts[index].question,
      answer: texts[index].options[at],
    })),
    utmParams: touches.first,
    lastUtmParams: touches.last,
    page: location.pathname,
    ticket: session.ticket,
    // The form is not sent without the tick.
    consent: { version: '{{consent_version}}', language: 'ru', email: true, sms: true },
  };
}
