// Where the visitor came from, first and last, for 30 days. A visit without tags is no touch.

const TOUCH_KEY = 'proftest:touch';
const TOUCH_MS = 30 * 24 * 3600 * 1000;
const TAGS_MAX = 12;
const TAG_CHARS_MAX = 200;

export const touches = readTouches();

function readTouches() {
  const fresh = (touch) => (touch && Date.now() - touch.at < TOUCH_MS ? touch : undefined);
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(TOUCH_KEY)) || {};
  } catch {
    // Storage can be closed to us; this visit's tags still count.
  }
  const tags = readTags();
  const last = tags ? { tags, at: Date.now() } : fresh(kept.last);
  const first = fresh(kept.first) || last;
  try {
    if (first) localStorage.setItem(TOUCH_KEY, JSON.stringify({ first, last }));
  } catch {
    // As above.
  }
  return { first: first && first.tags, last: last && last.tags };
}

function readTags() {
  const tags = {};
  for (const [name, value] of new URLSearchParams(location.search)) {
    const known = /^(utm_[a-z_]{1,20}|fbclid|gclid|yclid|ttclid)$/.test(name);
    if (known && value && Object.keys(tags).length < TAGS_MAX) {
      tags[name] = [...value.replace(/\p{Cc}/gu, '')].slice(0, TAG_CHARS_MAX).join('');
    }
  }
  return Object.keys(tags).length ? tags : undefined;
}
