// DOM helpers. Data reaches the page only as text nodes and attributes, never as markup.

export const $ = (id) => document.getElementById(id);

/** Builds an element: `props` are attributes, or listeners when the value is a function. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets text only where it differs, so that a selection survives polling. */
export function setText(node, text) {
  const next = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== next) node.textContent = next;
}

const lists = new WeakMap();

/**
 * Makes the children of `parent` follow `items` by key, touching only what changed: scroll, focus
 * and selection stay. `create(item)` returns a node, `update(node, item)` fills it. Nodes that come
 * after the first rendering carry the class `fresh`.
 */
export function reconcile(parent, items, keyOf, create, update) {
  const first = !lists.has(parent);
  const known = lists.get(parent) ?? new Map();
  const next = new Map();
  for (const item of items) next.set(keyOf(item), item);
  for (const [key, row] of known) {
    if (next.has(key)) continue;
    row.node.remove();
    known.delete(key);
  }
  let cursor = parent.firstElementChild;
  for (const [key, item] of next) {
    const seen = JSON.stringify(item);
    let row = known.get(key);
    if (!row) {
      row = { node: create(item), seen: null };
      if (!first) row.node.classList.add("fresh");
      known.set(key, row);
    }
    if (row.seen !== seen) {
      update(row.node, item);
      row.seen = seen;
    }
    if (row.node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(row.node, cursor);
  }
  lists.set(parent, known);
}

/** Empties a list; what is rendered next counts as the first rendering. */
export function clear(parent) {
  parent.replaceChildren();
  lists.delete(parent);
}

/**
 * One tab stop for a long list of buttons; arrows, Home and End move inside. Returns a function to
 * call after each rendering with the button that should hold the tab stop, if any is preferred.
 */
export function roving(container, selector) {
  const all = () => [...container.querySelectorAll(selector)];
  const give = (button) => {
    for (const other of all()) other.tabIndex = other === button ? 0 : -1;
  };
  container.addEventListener("focusin", (event) => {
    const button = event.target.closest(selector);
    if (button) give(button);
  });
  container.addEventListener("keydown", (event) => {
    const buttons = all();
    const at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
  });
  return (preferred) => {
    const buttons = all();
    const holder = buttons.find((button) => button === document.activeElement) ?? preferred
      ?? buttons.find((button) => button.tabIndex === 0) ?? buttons[0];
    if (holder) give(holder);
  };
}

/** The address when it is http or https, else null: `javascript:` must never reach an href. */
export function webUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Replaces the content of `node` with `text`, its web addresses as links that open a new tab. */
export function linkify(node, text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"«»]+/g)) {
    const address = match[0].replace(/[.,;:!?)\]]+$/, "");
    const href = webUrl(address);
    if (!href) continue;
    parts.push(text.slice(from, match.index));
    parts.push(el("a", { href, target: "_blank", rel: "noopener noreferrer" }, address));
    from = match.index + address.length;
  }
  parts.push(text.slice(from));
  node.replaceChildren(...parts);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Fills a <time>: the second for today, the day before that; the exact instant as its title. */
export function setTime(node, at) {
  const date = new Date(at);
  if (!at || Number.isNaN(date.getTime())) return setText(node, "—");
  node.dateTime = date.toISOString();
  node.title = date.toISOString();
  const today = date.toDateString() === new Date().toDateString();
  // A no-break space between day and month: in a narrow cell only the time may wrap.
  return setText(node, today ? CLOCK.format(date) : DAY.format(date).replace(" ", "\u00a0"));
}

export const time = (at) => {
  const node = el("time");
  setTime(node, at);
  return node;
};

/** `+77011234567` as `+7 701 123 45 67`; anything else as it came. */
export function phone(value) {
  const text = String(value ?? "");
  const match = /^\+?7(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(text);
  return match ? `+7 ${match.slice(1).join(" ")}` : text;
}

/** The end of a UUIDv7: its start is a timestamp, the same for leads of one moment. */
export const shortId = (id) => `…${String(id).slice(-6)}`;

export const number = (value) => Number(value ?? 0).toLocaleString("en-GB");

/** `12`, or `100 newest of 1,204` when the list is only the top of what exists. */
export function shown(listed, total) {
  return total > listed ? `${number(listed)} newest of ${number(total)}` : number(listed);
}
