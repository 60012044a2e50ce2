// Where the visitor came from, first and last, for 30 days. A visit without tags is no touch.

const TOUCH_KEY = 'proftest:touch';
const TOUCH_MS = 30 * 24 * 3600 * 1000;
// Intake takes as much of each.
const TAG_CHARS_MAX = 200;
const ID_CHARS_MAX = 1024;
const TAGS_MAX = 24;
// The tags of one touch as JSON. First and last together stay below 8 KB.
const TOUCH_BYTES_MAX = 4000;
const CLICK_IDS = '{{click_ids}}'.split(' ');

export const touches = readTouches();

function readTouches() {
  const fresh = (touch) => (touch && Date.now() - touch.at < TOUCH_MS ? touch : undefined);
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(TOUCH_KEY)) || {};
  } catch {
    // Storage can be closed to us; this visit's tags still count.
  }
  const tags = readTags(location.search + location.hash);
  const last = tags ? { tags, at: Date.now() } : fresh(kept.last);
  const first = fresh(kept.first) || last;
  try {
    if (first) localStorage.setItem(TOUCH_KEY, JSON.stringify({ first, last }));
  } catch {
    // As above.
  }
  return { first: first && first.tags, last: last && last.tags };
}

// Tools append tags behind a fragment, or behind a second question mark.
function readTags(link) {
  let tags = {};
  for (const [raw, value] of new URLSearchParams(link.replace(/#|\?(?=\w+=)/g, '&'))) {
    // `&amp;`, `&#038;` and `&#x26;` in a link that was written as HTML. shared/data/tags.json has the spellings.
    const name = raw.trim().toLowerCase().replace(/^([\s&?#]|(amp|0*38|x0*26);)+/, '');
    const text = tagText(name, value.replace(/\p{Cc}/gu, ''));
    const more = text && { ...tags, [name]: text };
    if (more && Object.keys(more).length <= TAGS_MAX && bytes(more) <= TOUCH_BYTES_MAX) tags = more;
  }
  return Object.keys(tags).length ? tags : undefined;
}

// A click id that is cut is no id any more.
function tagText(name, value) {
  const characters = [...value];
  // A plus reads as a space, which no id has.
  if (CLICK_IDS.includes(name)) return characters.length > ID_CHARS_MAX ? '' : value.replaceAll(' ', '+');
  return /^utm_[\w.-]{1,40}$/.test(name) ? characters.slice(0, TAG_CHARS_MAX).join('') : '';
}

function bytes(tags) {
  return new TextEncoder().encode(JSON.stringify(tags)).length;
}
