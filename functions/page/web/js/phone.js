// The phone field: shows a number of Kazakhstan or Russia as +7 701 123 45 67, leaves all others as typed.
// What is a number is decided by the server; see shared/src/domain/contact/phone.rs for the spellings.

export function setUpPhone(input) {
  input.addEventListener('input', (event) => {
    // Whoever deletes or edits in the middle must not have the text jump away.
    const deletes = (event.inputType || '').startsWith('delete');
    if (!deletes && input.selectionStart === input.value.length) input.value = spellPhone(input.value, false);
  });
  input.addEventListener('change', () => {
    input.value = spellPhone(input.value, true);
  });
}

// `done`: nothing more is being typed, so ten digits are a whole number without its country code.
export function spellPhone(raw, done) {
  const digits = raw.replace(/\D/g, '');
  const plus = /^\D*\+/.test(raw);
  let national;
  if (plus && digits[0] === '7') {
    national = digits.length === 12 && digits[1] === '8' ? digits.slice(2) : digits.slice(1);
  } else if (!plus && digits[0] === '8' && !/^8[01]/.test(digits) && (done || digits.length > 1)) {
    national = digits.slice(1);
  } else if (!plus && /^7/.test(digits) && digits.length === 11) {
    national = digits.slice(1);
  } else if (!plus && done && /^[79]/.test(digits) && digits.length === 10) {
    national = digits;
  } else {
    return raw;
  }
  const parts = [national.slice(0, 3), national.slice(3, 6), national.slice(6, 8), national.slice(8)];
  return ['+7', ...parts].filter(Boolean).join(' ');
}

export function isPhone(value) {
  const digits = value.replace(/\D/g, '');
  if (value.startsWith('+7')) return digits.length === 11;
  return digits.length >= (value.startsWith('+') ? 7 : 11) && digits.length <= 17;
}
