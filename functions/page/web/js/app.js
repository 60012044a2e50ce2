// The page: which step is shown, and how one gets from one to the next.
import { fetchTicket } from './challenge.js';
import { setUpForm } from './form.js';
import { fillResult } from './result.js';
import { restartSession, saveSession, session } from './session.js';
import { setUpSubmit } from './submit.js';
import { TEXTS } from './texts.js';

// Long enough to see what was chosen.
const ADVANCE_MS = 220;
const $ = (id) => document.getElementById(id);
const questions = [...document.querySelectorAll('.question')];
const ALL = questions.length;
const texts = questions.map((question) => ({
  question: question.querySelector('h1').textContent,
  options: [...question.querySelectorAll('.option span')].map((option) => option.textContent),
}));
let advancing = 0;
let unpushed;

// Steps are 'start', 0 … 11, 'contact', 'result'.
function reachable(step) {
  if (session.result) return 'result';
  const answered = session.answers.length;
  if (step === 'contact') return answered === ALL ? step : answered;
  if (typeof step === 'number') return Math.max(0, Math.min(step, answered, ALL - 1));
  return 'start';
}

function show(step, moveFocus) {
  clearTimeout(advancing);
  session.step = reachable(step);
  saveSession();
  const at = session.step;
  const asking = typeof at === 'number';
  for (const id of ['start', 'contact', 'result']) $(id).hidden = at !== id;
  questions.forEach((question, index) => {
    question.hidden = index !== at;
  });
  document.querySelector('main').classList.toggle('wide', at === 'start');
  $('questions').hidden = $('steps').hidden = $('count').hidden = !asking;
  $('progress').hidden = !asking && at !== 'contact';
  $('progress').value = asking ? at + 1 : ALL + 1;
  if (asking) {
    $('count').textContent = TEXTS.count(at + 1, ALL);
    const chosen = questions[at].querySelectorAll('input')[session.answers[at]];
    if (chosen) chosen.checked = true;
    $('next').hidden = !chosen;
  }
  if (at === 'result') fillResult();
  if (moveFocus) {
    const heading = (asking ? questions[at] : $(at)).querySelector('h1');
    window.scrollTo(0, 0);
    setTimeout(() => focusOn(heading));
  }
}

// It comes after the paint: by then the visitor may have gone on, or have taken the focus to where it is needed.
function focusOn(heading) {
  const section = heading.closest('section');
  if (!section.hidden && !section.contains(document.activeElement)) heading.focus({ preventScroll: true });
}

// The browser's own back button goes one question back, as people expect of it. The entry for that need not come
// before the paint, but it must be there before one goes on or back.
function go(step) {
  pushEntry();
  show(step, true);
  unpushed = step;
  setTimeout(pushEntry);
}

function pushEntry() {
  if (unpushed === undefined) return;
  history.pushState({ step: unpushed, depth: ((history.state || {}).depth || 0) + 1 }, '');
  unpushed = undefined;
}

function goBack(step) {
  clearTimeout(advancing);
  pushEntry();
  if ((history.state || {}).depth) history.back();
  else show(step, true);
}

function next() {
  const at = session.step;
  if (session.answers[at] === undefined) return;
  go(at + 1 < ALL ? at + 1 : 'contact');
}

function choose(index) {
  session.answers[session.step] = index;
  saveSession();
  $('next').hidden = false;
}

function setUpQuestions() {
  questions.forEach((question) => {
    const inputs = [...question.querySelectorAll('input')];
    inputs.forEach((input, index) => input.addEventListener('change', () => choose(index)));
    // A press goes on by itself. Arrow keys also "click" the next radio, but without a pointer's coordinates.
    question.querySelector('.options').addEventListener('click', (event) => {
      if (event.target.tagName !== 'INPUT' || (!event.clientX && !event.clientY)) return;
      clearTimeout(advancing);
      advancing = setTimeout(next, ADVANCE_MS);
    });
  });
  document.addEventListener('keydown', (event) => {
    if (typeof session.step !== 'number' || event.altKey || event.ctrlKey || event.metaKey) return;
    const input = questions[session.step].querySelectorAll('input')[Number(event.key) - 1];
    if (input) {
      input.checked = true;
      input.focus();
      choose(Number(event.key) - 1);
      clearTimeout(advancing);
      advancing = setTimeout(next, ADVANCE_MS);
    } else if (event.key === 'Enter' && event.target.tagName !== 'BUTTON') {
      next();
    }
  });
}

function saved(answer, lead) {
  session.result = { result: answer.result, email: lead.email, phone: lead.phone };
  history.replaceState({ step: 'result' }, '');
  show('result', true);
  if (pixels) pixels.then((module) => module.trackLead()).catch(() => {});
}

function restart() {
  restartSession();
  questions.forEach((question) => {
    for (const input of question.querySelectorAll('input')) input.checked = false;
  });
  history.replaceState({ step: 'start' }, '');
  location.reload();
}

// Only a campaign with pixels has the tick, and only the tick loads them.
let pixels;
function setUpPixels() {
  const tick = $('ads');
  if (!tick) return;
  tick.addEventListener('change', () => {
    if (!tick.checked || pixels) return;
    pixels = import('{{asset:pixels.js}}').then((module) => {
      module.startPixels(document.documentElement.dataset);
      return module;
    });
    pixels.catch(() => {});
  });
}

// Nothing moves on a phone, so a phone does not even load it.
function setUpParticles() {
  const wide = matchMedia('(min-width: 768px) and (prefers-reduced-motion: no-preference)');
  const start = () => {
    if (wide.matches) import('{{asset:particles.js}}').then((module) => module.run(wide)).catch(() => {});
  };
  wide.addEventListener('change', start, { once: true });
  start();
}

setUpQuestions();
setUpForm();
setUpSubmit(texts, saved);
setUpPixels();
$('begin').addEventListener('click', () => {
  go(0);
  fetchTicket();
});
$('next').addEventListener('click', next);
$('back').addEventListener('click', () => goBack(session.step > 0 ? session.step - 1 : 'start'));
$('edit').addEventListener('click', () => goBack(ALL - 1));
$('again').addEventListener('click', restart);
addEventListener('popstate', (event) => {
  // A visitor who goes back before the entry is there has left it already.
  unpushed = undefined;
  show((event.state || {}).step ?? 'start', true);
});
show(session.step, false);
document.documentElement.classList.remove('resuming');
history.replaceState({ ...history.state, step: session.step }, '');
addEventListener('load', setUpParticles);
