// The leads table and the side panel with one lead's timeline.

import { $, clear, el, number, phone, reconcile, roving, setText, setTime, shown, time } from "./dom.js";

// Below this width the panel covers the page, so it is modal.
const MODAL_BELOW_PX = 900;
const TONES = { completed: "good", pending: "wait", failed: "bad", cancelled: "off" };

let openId = null;
let refresh = () => {};
let opener = null;
let listedFor = "";
const tabStop = roving($("lead-rows"), "button");

const chip = (text, tone) => el("span", { class: "chip", "data-tone": tone }, text);

/** What happened on one channel, in one word. */
function channel(sent, clicked) {
  if (clicked) return chip("clicked", "best");
  return sent ? chip("sent", "good") : chip("not sent", "off");
}

const statusChip = (status) => chip(status || "none", TONES[status] ?? "off");

function createLead(lead) {
  const cell = (label, className) => el("td", { "data-label": label, class: className });
  return el("tr", { click: () => openLead(lead.id) },
    el("th", { scope: "row" }, el("button", { type: "button", class: "link", tabindex: "-1" }), el("span", { class: "source" })),
    el("td", { class: "contact" }, el("span"), el("span")),
    el("td", { "data-label": "Saved", class: "saved" }, el("time")),
    cell("E-mail"), cell("SMS"), cell("Clicks", "num"), cell("Status"));
}

function updateLead(row, lead) {
  const [, contact, saved, email, sms, clicks, status] = row.children;
  setText(row.querySelector("button"), lead.name || "(no name)");
  setText(contact.children[0], lead.email);
  setText(contact.children[1], phone(lead.phone));
  setText(row.querySelector(".source"), lead.source);
  setTime(saved.firstChild, lead.created_at);
  email.replaceChildren(channel(lead.email_sent, lead.email_clicked));
  sms.replaceChildren(channel(lead.sms_sent, lead.sms_clicked));
  setText(clicks, number(lead.click_count));
  status.replaceChildren(statusChip(lead.status));
  row.dataset.id = lead.id;
}

export function renderLeads(leads, query) {
  if (query !== listedFor) clear($("lead-rows"));
  listedFor = query;
  reconcile($("lead-rows"), leads, (lead) => lead.id, createLead, updateLead);
  tabStop();
  markOpen();
  $("lead-table").hidden = leads.length === 0;
  $("leads-empty").hidden = leads.length > 0;
  setText($("leads-empty"), query ? `No lead matches “${query}”.` : "No leads yet.");
}

export function renderLeadsNote(counts, query) {
  const listed = $("lead-rows").childElementCount;
  setText($("leads-note"), query ? `${number(listed)} found` : shown(listed, counts.leads));
}

function markOpen() {
  for (const row of $("lead-rows").children) row.classList.toggle("open", row.dataset.id === openId);
}

/** The id of the lead in the side panel, or null. */
export const openLeadId = () => openId;

export function openLead(id) {
  const panel = $("lead-panel");
  if (!panel.open) {
    opener = document.activeElement;
    if (window.innerWidth < MODAL_BELOW_PX) panel.showModal();
    else panel.show();
  }
  if (openId !== id) {
    openId = id;
    setText($("lead-name"), "Lead");
    setText($("lead-id"), id);
    showState("Loading…");
    for (const list of ["lead-timeline", "lead-chips", "lead-columns"]) clear($(list));
  }
  markOpen();
  refresh();
}

function showState(text) {
  setText($("lead-state"), text);
  $("lead-state").hidden = !text;
  $("lead-body").hidden = Boolean(text);
}

export const renderLeadGone = () => showState("This lead is not in the database any more.");

function createMoment() {
  return el("li", {}, el("time"), el("p", { class: "what" }), el("p", { class: "detail" }));
}

function updateMoment(node, moment) {
  const { at, what, detail } = moment;
  setTime(node.querySelector("time"), at);
  setText(node.querySelector(".what"), what);
  setText(node.querySelector(".detail"), detail);
  node.dataset.tone = tone(`${what} ${node.querySelector(".detail").textContent}`);
}

/** A colour for a line of free text, by the words that the functions use. */
export function tone(text) {
  if (/fail|refus|reject|error|bounce|undeliver|expired|complain|stopped|gave up|timed? ?out|dropped|\b[45]\d\d\b/i.test(text)) return "bad";
  if (/retry|pending|unknown|held|overdue|limit|delayed|no report/i.test(text)) return "wait";
  if (/click|link opened/i.test(text)) return "best";
  return /accept|deliver|sent|complet|saved|reconcil|created/i.test(text) ? "good" : "off";
}

function updateColumn(node, { name, value }) {
  const field = node.querySelector("dd");
  setText(node.querySelector("dt"), name);
  if (value === null || value === undefined || value === "") field.replaceChildren("—");
  else if (typeof value === "object") field.replaceChildren(el("pre", {}, JSON.stringify(value, null, 2)));
  else if (/(_at|_for|_until)$/.test(name)) field.replaceChildren(time(value));
  else setText(field, value);
}

export function renderLead({ lead, timeline }) {
  showState("");
  setText($("lead-name"), lead.name || "(no name)");
  setText($("lead-id"), lead.id);
  const chips = [
    { label: "E-mail", sent: lead.email_sent, clicked: lead.email_clicked },
    { label: "SMS", sent: lead.sms_sent, clicked: lead.sms_clicked },
  ];
  reconcile($("lead-chips"), chips, (item) => item.label, () => el("li"), (node, item) => {
    node.replaceChildren(`${item.label} `, channel(item.sent, item.clicked));
  });
  const moments = timeline.map((moment, place) => ({ ...moment, place }));
  reconcile($("lead-timeline"), moments, (moment) => `${moment.place} ${moment.at} ${moment.what}`, createMoment, updateMoment);
  const columns = Object.entries(lead).map(([name, value]) => ({ name, value }));
  reconcile($("lead-columns"), columns, (column) => column.name, () => el("div", {}, el("dt"), el("dd")), updateColumn);
}

/** Calls `onQuery(text)` for a new search, and `onOpen()` when a lead is opened. */
export function startLeads(onQuery, onOpen) {
  refresh = onOpen;
  let timer = 0;
  $("leads-query").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => onQuery(event.target.value.trim()), 200);
  });
  const panel = $("lead-panel");
  $("lead-close").addEventListener("click", () => panel.close());
  document.addEventListener("keydown", (event) => {
    // A dialog opened by show() does not close on Escape by itself.
    if (event.key === "Escape" && panel.open && !document.querySelector("dialog:modal")) panel.close();
  });
  panel.addEventListener("close", () => {
    openId = null;
    markOpen();
    if (opener?.isConnected) opener.focus();
  });
}
