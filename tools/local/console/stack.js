// What /api/state says: counts, addresses, vendors and their faults, the CRM board, the steps.

import { $, el, number, reconcile, roving, setText, setTime, shortId, time, webUrl } from "./dom.js";
import { openLead, tone } from "./leads.js";

const FAULTS = [
  { label: "500 ×3", hint: "Answer the next 3 requests with 500", body: { mode: "status", status: 500, count: 3 } },
  { label: "401 ×3", hint: "Answer the next 3 requests with 401, as for a bad key", body: { mode: "status", status: 401, count: 3 } },
  { label: "429", hint: "Answer 429 with Retry-After: 5", body: { mode: "rate_limit", retry_after: 5 } },
  { label: "Slow", hint: "Answer after 3 seconds", body: { mode: "slow", ms: 3000 } },
  { label: "Timeout", hint: "Never answer", body: { mode: "timeout" } },
  { label: "HTML", hint: "Answer with an HTML page instead of JSON", body: { mode: "html" } },
  { label: "Cut body", hint: "Break off in the middle of the JSON", body: { mode: "truncated" } },
  { label: "Drop", hint: "Close the connection without doing the work", body: { mode: "drop" } },
  { label: "Lost answer", hint: "Do the work once, then close the connection without an answer", body: { mode: "accept_then_drop", count: 1 } },
];
const NAMES = {
  rate_limit: "Rate limit", slow: "Slow", timeout: "Timeout", html: "HTML page", truncated: "Cut body", drop: "Drop", accept_then_drop: "Lost answer",
};
// Counts where anything above zero asks for attention.
const ALARMS = { failed: "bad", overdue: "bad", pending: "wait" };

const stepStop = roving($("steps"), "button");

/** An active fault in words, with all the parameters that the server reports. */
function describe({ mode, status, count, ms, retry_after: retryAfter, ...rest }) {
  const parts = [mode === "status" ? `HTTP ${status}` : NAMES[mode] ?? mode];
  if (ms) parts.push(`${ms / 1000} s`);
  if (retryAfter) parts.push(`${retryAfter} s`);
  if (count) parts.push(`×${count}`);
  for (const [name, value] of Object.entries(rest)) if (value !== null) parts.push(`${name} ${value}`);
  return parts.join(" ");
}

const sameFault = (active, body) => active.mode === body.mode && (body.mode !== "status" || active.status === body.status);

function createVendor(vendor, actions) {
  const buttons = FAULTS.map((fault) => el("button", {
    type: "button", class: "small fault", title: fault.hint, "data-fault": JSON.stringify(fault.body),
    click: () => actions.setFault(vendor, fault.body),
  }, fault.label));
  return el("li", { class: "vendor" },
    el("div", { class: "vendor-head" }, el("h3"), el("span", { class: "health" }), el("span", { class: "stats" })),
    el("div", { class: "active", hidden: true }, el("ul", { "aria-label": "Active faults" }),
      el("button", { type: "button", class: "small danger", click: () => actions.clearFaults([vendor]) }, "Clear")),
    el("div", { class: "faults", role: "group", "aria-label": `Break ${vendor.name}` }, ...buttons));
}

function updateVendor(node, { name, faults, stats }) {
  setText(node.querySelector("h3"), name);
  const broken = faults.length > 0;
  node.classList.toggle("broken", broken);
  setText(node.querySelector(".health"), broken ? "broken" : "healthy");
  const figures = Object.entries(stats).filter(([, value]) => typeof value !== "object");
  setText(node.querySelector(".stats"), figures.map(([key, value]) => `${key.replaceAll("_", " ")} ${value}`).join(" · "));
  node.querySelector(".active").hidden = !broken;
  node.querySelector(".active ul").replaceChildren(...faults.map((fault) => el("li", {}, describe(fault))));
  for (const button of node.querySelectorAll(".fault")) {
    const body = JSON.parse(button.dataset.fault);
    button.classList.toggle("on", faults.some((fault) => sameFault(fault, body)));
  }
}

function renderVendors(vendors, actions) {
  reconcile($("vendors"), vendors, (vendor) => vendor.key, (vendor) => createVendor(vendor, actions), updateVendor);
  const broken = vendors.filter((vendor) => vendor.faults.length > 0);
  setText($("vendors-note"), broken.length ? `${broken.length} broken` : "all healthy");
  $("vendors-note").classList.toggle("alarm", broken.length > 0);
  $("clear-all").hidden = broken.length < 2;
  $("clear-all").onclick = () => actions.clearFaults(broken);
}

/** Gives items without an id a `key`: equal ones, by `describe`, are numbered. */
function keyed(items, describe) {
  const seen = new Map();
  return items.map((item) => {
    const same = describe(item);
    const nth = (seen.get(same) ?? 0) + 1;
    seen.set(same, nth);
    return { ...item, key: `${same} ${nth}` };
  });
}

// Numbered from the oldest, which stays where it is.
const keyedSteps = (steps) => keyed([...steps].reverse(), (step) => `${step.at} ${step.lead} ${step.text}`).reverse();

function createStep({ at, lead, text }) {
  const who = lead && el("button", { type: "button", class: "link mono", tabindex: "-1", title: lead, "aria-label": `Open lead ${lead}`, click: () => openLead(lead) }, shortId(lead));
  return el("li", { "data-tone": tone(text) }, time(at), el("span", { class: "step-text" }, text), who);
}

function createStage() {
  return el("li", { class: "stage-column" }, el("h3", {}, el("span"), el("b")), el("ul"));
}

function updateStage(node, { name, deals }) {
  setText(node.querySelector("h3 span"), name);
  setText(node.querySelector("h3 b"), deals.length);
  const cards = keyed(deals, (deal) => `${deal.lead} ${deal.title}`);
  reconcile(node.querySelector("ul"), cards, (deal) => deal.key, createDeal, updateDeal);
}

function createDeal({ lead }) {
  const title = lead ? el("button", { type: "button", class: "link", click: () => openLead(lead) }) : el("span");
  title.classList.add("deal-title");
  return el("li", { class: "deal" }, title, el("p", { class: "deal-contact" }), el("ul", { class: "deal-tags", "aria-label": "Tags" }),
    el("ul", { class: "deal-tasks", "aria-label": "Open tasks" }), el("p", { class: "deal-first", lang: "ru" }, el("b"), el("span")),
    el("details", { class: "deal-notes" }, el("summary"), el("ol", { lang: "ru" })), el("time"));
}

/** As a salesperson sees it: what is to be done and until when, then the result, then everything else. */
function updateDeal(node, deal) {
  setText(node.querySelector(".deal-title"), deal.title);
  setText(node.querySelector(".deal-contact"), deal.contact);
  reconcile(node.querySelector(".deal-tags"), deal.tags, (tag) => tag, () => el("li"), setText);
  const tasks = keyed(deal.tasks, (task) => `${task.until} ${task.text}`);
  reconcile(node.querySelector(".deal-tasks"), tasks, (task) => task.key, createTask, updateTask);
  const [first = "", ...later] = deal.notes;
  // Up to the answers, which come behind an empty line.
  const [head, ...answers] = first.split("\n\n");
  const [result, ...rest] = head.split("\n");
  setText(node.querySelector(".deal-first b"), result);
  setText(node.querySelector(".deal-first span"), rest.join("\n"));
  const notes = [...answers, ...later].map((text, place) => ({ text, place }));
  const details = node.querySelector(".deal-notes");
  details.hidden = notes.length === 0;
  setText(details.querySelector("summary"), `Answers and notes (${notes.length})`);
  reconcile(details.querySelector("ol"), notes, (note) => note.place, () => el("li"), (item, note) => setText(item, note.text));
  setTime(node.querySelector(":scope > time"), deal.updated_at);
}

const createTask = () => el("li", {}, el("b", {}, "until ", el("time")), el("span", { lang: "ru" }), el("i", { lang: "ru" }));

function updateTask(node, { text, until, user }) {
  setTime(node.querySelector("time"), until);
  setText(node.querySelector("span"), text);
  setText(node.querySelector("i"), user);
  node.classList.toggle("late", new Date(until) < new Date());
}

function renderCrm({ available, stages }) {
  $("board").hidden = !available;
  $("crm-empty").hidden = available;
  const columns = available ? stages : [];
  const deals = columns.reduce((sum, stage) => sum + stage.deals.length, 0);
  setText($("crm-note"), available ? `${number(deals)} ${deals === 1 ? "deal" : "deals"}` : "");
  reconcile($("board"), columns, (stage) => stage.name, createStage, updateStage);
}

function renderCounts(counts) {
  for (const tile of document.querySelectorAll("[data-count]")) {
    const name = tile.dataset.count;
    const value = tile.querySelector("b");
    const next = number(counts[name]);
    if (value.textContent !== next && value.textContent !== "–") {
      tile.classList.remove("bump");
      // Reading a layout value restarts the animation for a second change in a row.
      void tile.offsetWidth;
      tile.classList.add("bump");
    }
    setText(value, next);
    tile.dataset.tone = counts[name] > 0 ? ALARMS[name] ?? "" : "";
  }
}

function renderAddresses(gateway, delaySeconds) {
  const href = webUrl(gateway);
  if (href) {
    $("gateway-link").href = href;
    $("landing-link").href = new URL("/proftest", href).href;
  }
  setText($("gateway-link"), gateway.replace(/^https?:\/\//, ""));
  setText($("own-note"), `It goes through the gateway like any visitor's; the messages follow in ${delaySeconds} s.`);
}

/** `actions`: setFault(vendor, body) and clearFaults(vendors). */
export function renderState(state, actions) {
  renderCounts(state.counts);
  renderAddresses(state.gateway, state.delay_seconds);
  renderVendors(state.vendors, actions);
  renderCrm(state.crm);
  reconcile($("steps"), keyedSteps(state.steps), (step) => step.key, createStep, () => {});
  stepStop();
  $("steps-empty").hidden = state.steps.length > 0;
}
