// The local console: shows the stack, polled once a second; sends leads and breaks vendors.

import { HttpError, Unreachable, forget, load, poll, send } from "./api.js";
import { $, el, setText } from "./dom.js";
import { renderInbox, renderInboxNotes } from "./inbox.js";
import { openLead, openLeadId, renderLead, renderLeadGone, renderLeads, renderLeadsNote, startLeads } from "./leads.js";
import { renderState } from "./stack.js";

const TOAST_MS = 7000;

let query = "";
let state = null;
let countdown = 0;

const actions = {
  setFault: (vendor, body) => command(() => send("POST", faultsOf(vendor), body)),
  clearFaults: (vendors) => command(() => Promise.all(vendors.map((vendor) => send("DELETE", faultsOf(vendor))))),
};

const faultsOf = ({ key }) => `/api/vendors/${encodeURIComponent(key)}/faults`;

/** Runs one command, reports its failure, and polls the stack at once. */
async function command(run) {
  try {
    return await run();
  } catch (error) {
    toast(error.message, null, "bad");
    return null;
  } finally {
    refresh();
  }
}

function toast(text, action, tone = "good") {
  const node = el("div", { class: "toast", "data-tone": tone }, el("span", {}, text), action);
  $("toasts").append(node);
  setTimeout(() => node.remove(), TOAST_MS);
}

/** One poll of the stack. Parts that answer are shown even when another part fails. */
async function round() {
  const asked = query;
  const search = asked ? `&q=${encodeURIComponent(asked)}` : "";
  const results = await Promise.allSettled([
    load("state", "/api/state", (next) => {
      state = next;
      renderState(state, actions);
    }),
    load("inbox", "/api/inbox?limit=100", renderInbox),
    load("leads", `/api/leads?limit=50${search}`, (leads) => renderLeads(leads, asked), () => asked === query),
    lookAtLead(openLeadId()),
  ]);
  if (state) {
    renderInboxNotes(state.counts, state.delay_seconds);
    renderLeadsNote(state.counts, query);
  }
  const failures = results.filter((result) => result.status === "rejected").map((result) => result.reason);
  // A refused connection says more than an error answer: show it first.
  if (failures.length) throw failures.find((error) => error instanceof Unreachable) ?? failures[0];
}

async function lookAtLead(id) {
  if (!id) return forget("lead");
  try {
    return await load("lead", `/api/leads/${encodeURIComponent(id)}`, renderLead, () => id === openLeadId());
  } catch (error) {
    if (!(error instanceof HttpError && error.status === 404)) throw error;
    forget("lead");
    return renderLeadGone();
  }
}

function report(error, waitMs) {
  clearInterval(countdown);
  document.body.classList.toggle("stale", Boolean(error));
  $("live").dataset.state = error ? "down" : "live";
  setText($("live-text"), error ? "Offline" : "Live");
  $("banner").hidden = !error;
  if (!error) return;
  const stopped = error instanceof Unreachable;
  setText($("banner-title"), stopped ? "Stack stopped." : "The stack answers, but not as it should.");
  setText($("banner-text"), stopped ? "What you see is the last known state." : error.message);
  if (!stopped && !(error instanceof HttpError)) console.error(error);
  let left = Math.round(waitMs / 1000);
  const tell = () => setText($("banner-next"), left > 0 ? `Next try in ${left} s` : "Trying…");
  tell();
  countdown = setInterval(() => {
    left -= 1;
    tell();
  }, 1000);
}

const accepted = ({ leadId }) => {
  const show = el("button", { type: "button", class: "small", click: () => openLead(leadId) }, "Show");
  toast(`Lead accepted. Its messages are due in ${state?.delay_seconds ?? "a few"} s.`, show);
};

async function sendSample({ currentTarget: button }) {
  // Not `disabled`: that would take the keyboard focus away.
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  const answer = await command(() => send("POST", "/api/sample-lead"));
  button.ariaBusy = "false";
  if (answer) accepted(answer);
}

async function sendOwn(event) {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData($("own-form")));
  try {
    accepted(await send("POST", "/api/sample-lead", fields));
    $("own-dialog").close();
    setText($("own-error"), "");
  } catch (error) {
    setText($("own-error"), error.message);
  }
  refresh();
}

for (const button of document.querySelectorAll("[data-action=sample]")) button.addEventListener("click", sendSample);
$("own-lead").addEventListener("click", () => $("own-dialog").showModal());
$("own-cancel").addEventListener("click", () => $("own-dialog").close());
$("own-form").addEventListener("submit", sendOwn);

const refresh = poll(round, report);
$("banner-retry").addEventListener("click", refresh);
startLeads((text) => {
  query = text;
  refresh();
}, () => {
  // The panel was emptied: even an unchanged answer must be rendered.
  forget("lead");
  refresh();
});
