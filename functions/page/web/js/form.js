// The fields: what is wrong with each, shown under it.
import { session, saveSession } from './session.js';
import { TEXTS } from './texts.js';
import { dropQuestion, setUpEmail } from './email.js';
import { missingDigits, setUpPhone, spellPhone } from './phone.js';

const form = document.getElementById('form');
const NAMES = ['name', 'email', 'phone', 'consent'];
const field = (name) => form.elements.namedItem(name);

// Only what is beyond doubt, so that nothing is refused that the server takes. The server decides the rest, with a
// sentence for each reason.
const CHECKS = {
  name: (value) => (value ? '' : TEXTS.nameEmpty),
  email: (value) => {
    if (!value) return TEXTS.emailEmpty;
    return value.length < 80 && /^[\wа-яё.-]*[a-zа-яё][\wа-яё.-]*$/i.test(value) ? TEXTS.noAt : '';
  },
  phone: (value) => {
    if (!value) return TEXTS.phoneEmpty;
    return TEXTS.tooFewDigits[missingDigits(value) - 1] || '';
  },
  consent: (ticked) => (ticked ? '' : TEXTS.consentEmpty),
};

function valueOf(name) {
  const input = field(name);
  return input.type === 'checkbox' ? input.checked : input.value.trim();
}

export function showError(name, text) {
  const input = field(name);
  document.getElementById(`${name}-error`).textContent = text;
  if (text) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
}

// Shows what is wrong and goes to the first such field. Returns whether nothing is.
export function checkForm() {
  field('phone').value = spellPhone(field('phone').value);
  const wrong = NAMES.filter((name) => {
    const text = CHECKS[name](valueOf(name));
    showError(name, text);
    return text;
  });
  if (wrong.length) field(wrong[0]).focus();
  return !wrong.length;
}

// What the server found wrong. Returns whether it concerned a field that the visitor sees.
export function showRefusal(fields) {
  const known = NAMES.filter((name) => fields[name]);
  for (const name of known) showError(name, fields[name]);
  if (known.length) field(known[0]).focus();
  return known.length > 0;
}

export function readForm() {
  return { name: valueOf('name'), email: valueOf('email'), phone: valueOf('phone'), website: field('website').value };
}

export function emptyTrap() {
  field('website').value = '';
}

export function lockForm(locked) {
  if (locked) dropQuestion();
  for (const name of NAMES.slice(0, 3)) field(name).readOnly = locked;
}

export function setUpForm() {
  setUpEmail(field('email'));
  setUpPhone(field('phone'));
  for (const name of NAMES) {
    const input = field(name);
    const kept = session.form[name];
    if (input.type === 'checkbox') input.checked = kept === true;
    else if (kept) input.value = kept;
    input.addEventListener('input', () => {
      session.form[name] = valueOf(name);
      saveSession();
      // An error goes as soon as it is corrected, and comes only when the field is left.
      if (input.hasAttribute('aria-invalid')) showError(name, CHECKS[name](valueOf(name)));
    });
    input.addEventListener('change', () => {
      session.form[name] = valueOf(name);
      saveSession();
      if (valueOf(name)) showError(name, CHECKS[name](valueOf(name)));
    });
  }
}
