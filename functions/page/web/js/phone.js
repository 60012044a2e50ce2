// The phone field: shows a number of Kazakhstan or Russia as +7 701 123 45 67, leaves all others as typed.
// What is a number is decided by the server; shared/data/phones.json has the spellings.

export function setUpPhone(input) {
  input.addEventListener('input', (event) => {
    // While a visitor deletes or edits in the middle, the text must not jump away.
    const deletes = (event.inputType || '').startsWith('delete');
    if (!deletes && input.selectionStart === input.value.length) input.value = spellPhone(input.value);
  });
  input.addEventListener('change', () => {
    input.value = spellPhone(input.value);
  });
}

// Of ten digits that begin with 7 only the server knows whether one is missing. 8 and another digit than 7 or 9 may be a
// foreign number without its plus, as 86… of China is.
export function spellPhone(raw) {
  if (!/^\s*\+?[\d\s()-]*$/.test(raw)) return raw;
  const digits = raw.replace(/\D/g, '');
  let national = '';
  if (raw.includes('+') ? digits[0] === '7' : /^8[79]|^7\d{10}$/.test(digits)) national = digits.slice(1);
  // The 8 that is dialled before a number is left in behind the country's code. Of fewer digits only the server knows
  // whether that is so.
  if (/^8\d{10}$/.test(national)) national = national.slice(1);
  if (!national || national[0] === '8' || national.length > 10) return raw;
  const parts = [national.slice(0, 3), national.slice(3, 6), national.slice(6, 8), national.slice(8)];
  return ['+7', ...parts].filter(Boolean).join(' ');
}

// How many digits a number that begins with +7 is short of.
export function missingDigits(value) {
  const digits = value.replace(/\D/g, '').length;
  return /^\+7[\d\s()-]*$/.test(value) ? Math.max(0, 11 - digits) : 0;
}
