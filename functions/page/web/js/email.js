// A mistyped domain is asked about below the field. Without an answer, what was typed stays.
import { TEXTS } from './texts.js';

const DOMAINS = '{{email_domains}}'.split(' ');
const KNOWN = '{{email_known_domains}}'.split(' ');
const ALIASES = new Map('{{email_aliases}}'.split(' ').map((pair) => pair.split('=')));
// A shorter name has many real neighbours, so only its end may differ.
const SHORT = 3;

const question = document.getElementById('email-question');

export function setUpEmail(input) {
  input.addEventListener('change', () => ask(input));
  input.addEventListener('input', () => question.firstChild && ask(input));
}

export function dropQuestion() {
  question.replaceChildren();
}

function ask(input) {
  dropQuestion();
  const domain = suggestDomain(input.value);
  if (!domain) return;
  const [button, name] = ['button', 'b'].map((tag) => document.createElement(tag));
  button.type = 'button';
  name.append(domain);
  button.append(TEXTS.meant, name, '?');
  button.addEventListener('click', () => {
    input.value = input.value.slice(0, input.value.lastIndexOf('@') + 1) + domain;
    input.focus();
    input.dispatchEvent(new Event('input'));
    input.dispatchEvent(new Event('change'));
  });
  question.append(button);
}

function suggestDomain(address) {
  const typed = address.slice(address.lastIndexOf('@') + 1).trim().toLowerCase();
  if (!address.includes('@') || DOMAINS.includes(typed) || KNOWN.includes(typed)) return '';
  if (ALIASES.has(typed)) return ALIASES.get(typed);
  const name = (domain) => domain.split('.')[0];
  // Such ends exist, but behind a known name they are a slip of the keyboard: `gmail.ком`.
  if (/^[^.]+\.[\u0400-\u052f]+$/.test(typed)) {
    return [...DOMAINS, ...KNOWN].find((domain) => name(domain) === name(typed)) || '';
  }
  const near = DOMAINS.filter(
    (domain) => (name(domain).length > SHORT || name(domain) === name(typed)) && isOneSlip(typed, domain),
  );
  return near.length === 1 ? near[0] : '';
}

// One letter more, less or other, or two swapped.
function isOneSlip(a, b) {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [left, right] = [a, b].map((text) => text.slice(start, text.length - end));
  if (left.length < 2 && right.length < 2) return left !== right;
  return left.length === 2 && right === left[1] + left[0];
}
