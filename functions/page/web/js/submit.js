// Sends the form, again and again until it is saved or refused.
import { slug, source } from './campaign.js';
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
}

async function submit(texts) {
  if (busy || session.result) return;
  clearTimeout(timer);
  tell('', '');
  if (!checkForm()) {
    settle(TEXTS.send);
    return;
  }
  busy = true;
  session.sending = true;
  saveSession();
  lockForm(true);
  sendButton.textContent = TEXTS.sending;
  sendButton.setAttribute('aria-disabled', 'true');
  const lead = payload(texts);
  const outcome = await sendLead(lead);
  busy = false;
  lockForm(false);
  sendButton.removeAttribute('aria-disabled');
  if (outcome.done) {
    onSaved(outcome.done, lead);
    settle(TEXTS.send);
  } else if (outcome.refused) {
    emptyTrap();
    settle(TEXTS.send);
    if (!showRefusal(outcome.refused.fields || {})) tell(TEXTS.refused, outcome.refused.error || '');
  } else {
    sendButton.textContent = TEXTS.sendNow;
    tell(outcome.offline ? TEXTS.offline : TEXTS.busy, TEXTS.kept);
    wait(texts, pauseSeconds(attempt, outcome.after));
    attempt += 1;
  }
}

function settle(label) {
  attempt = 0;
  session.sending = false;
  saveSession();
  sendButton.textContent = label;
}

function wait(texts, seconds) {
  document.getElementById('notice-count').textContent = seconds > 0 ? TEXTS.after(seconds) : '';
  timer = setTimeout(() => (seconds > 0 ? wait(texts, seconds - 1) : submit(texts)), seconds > 0 ? 1000 : 0);
}

function tell(title, text) {
  document.getElementById('notice-title').textContent = title;
  document.getElementById('notice-text').textContent = text;
  document.getElementById('notice-count').textContent = '';
  notice.hidden = !title;
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
    elapsedMs: Date.now() - session.opened,
  };
}
