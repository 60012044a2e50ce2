// The campaign is the path's last part, whatever it is: unknown ones are kept as they are.

// Intake takes a source of 100 characters; "proftest_" is 9 of them.
const SLUG_MAX = 80;

export const slug = readSlug(location.pathname);
export const source = slug ? `proftest_${slug}` : 'proftest';

function readSlug(path) {
  const raw = path.split('/')[2] || '';
  let decoded = raw;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    // A lone percent sign is no encoding.
  }
  return [...decoded.replace(/\p{Cc}/gu, '').trim()].slice(0, SLUG_MAX).join('');
}
