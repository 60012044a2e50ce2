// The inbox: e-mails with a rendered preview, and SMS as on a phone.

import { send } from "./api.js";
import { $, el, linkify, phone, reconcile, roving, setText, setTime, shown } from "./dom.js";

// Widths a mail client gives a message: a desktop reading pane, and the common phone.
const FRAME_PX = { desktop: 640, phone: 375 };
// As near to the end as this, the screen follows new messages.
const FOLLOW_PX = 48;
// On a screen this narrow a desktop preview would be too small to read.
const NARROW = "(max-width: 719px)";

// What the stand-ins can be asked to report: the first entry is the label.
const MAIL_REPORTS = ["Report…", "delivered", "delayed", "bounced", "soft", "complained", "failed", "suppressed"];
const SMS_REPORTS = ["Report…", "DELIVRD", "EXPIRED", "UNDELIV", "REJECTD", "DELETED"];

let mails = [];
let chosen = null;
let framed = null;
let view = "desktop";
const read = new Set();
const tabStop = roving($("mails"), "button");

/** The chosen e-mail; the newest one until one is chosen. */
function current() {
  return mails.find((mail) => mail.id === chosen) ?? mails[0] ?? null;
}

function createMail(mail) {
  return el("li", {}, el("button", { type: "button", tabindex: "-1", "data-id": mail.id, click: () => choose(mail.id) },
    el("span", { class: "mail-line" }, el("span", { class: "mail-who" }), el("time")),
    el("span", { class: "mail-what" })));
}

function updateMail(node, mail) {
  setText(node.querySelector(".mail-who"), mail.to);
  setText(node.querySelector(".mail-what"), mail.subject);
  setTime(node.querySelector("time"), mail.at);
}

function choose(id) {
  chosen = id;
  showMail();
}

function showMail() {
  const mail = current();
  $("mail").hidden = !mail;
  if (mail) read.add(mail.id);
  let selected = null;
  for (const button of $("mails").querySelectorAll("button")) {
    const on = button.dataset.id === mail?.id;
    if (on) selected = button;
    if (on) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    button.classList.toggle("unread", !read.has(button.dataset.id));
  }
  tabStop(selected);
  if (!mail || framed === mail.id) return;
  framed = mail.id;
  setText($("mail-subject"), mail.subject);
  setText($("mail-from"), mail.from);
  setText($("mail-to"), mail.to);
  setText($("mail-key"), mail.idempotency_key || "none");
  linkify($("mail-stop"), mail.headers["List-Unsubscribe"] || "none");
  setTime($("mail-at"), mail.at);
  linkify($("mail-text"), mail.text || "This e-mail has no text part.");
  $("mail-text").scrollTop = 0;
  // replace(), not src: choosing e-mails must not fill the tab's history.
  $("mail-frame").contentWindow.location.replace(`/api/emails/${encodeURIComponent(mail.id)}/html`);
}

function setView(next) {
  view = next;
  $("stage").dataset.view = view;
  for (const button of document.querySelectorAll("[data-view][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  $("mail-frame").hidden = view === "text";
  $("mail-text").hidden = view !== "text";
  fit();
}

/** Gives the frame its true width and scales it down where the column is narrower. */
function fit() {
  const stage = $("stage");
  const frame = $("mail-frame");
  const width = FRAME_PX[view];
  if (!width || !stage.clientWidth) return;
  const room = stage.clientWidth - (view === "phone" ? 24 : 0);
  const scale = Math.min(1, room / width);
  const full = view === "desktop" && scale === 1;
  frame.style.width = full ? "100%" : `${width}px`;
  frame.style.height = `${stage.clientHeight / scale}px`;
  frame.style.left = full ? "0" : `${(stage.clientWidth - width * scale) / 2}px`;
  frame.style.transform = `scale(${scale})`;
}

/** Fills a select whose choice is reported of the message that `idOf()` names. */
function reports(select, vendor, events, idOf) {
  select.replaceChildren(...events.map((event, place) => el("option", { value: place ? event : "" }, event)));
  select.addEventListener("change", async () => {
    const event = select.value;
    select.value = "";
    if (event) await send("POST", `/api/vendors/${vendor}/reports`, { id: String(idOf()), event });
  });
  return select;
}

function createSms(sms) {
  const report = reports(el("select", { "aria-label": "What becomes of this SMS" }), "mobizon", SMS_REPORTS, () => sms.id);
  return el("li", {}, el("p", { class: "sms-top" }, el("span"), " · ", el("time")),
    el("p", { class: "bubble" }), el("p", { class: "sms-line" }, el("span", { class: "sms-size" }), report));
}

function updateSms(node, sms) {
  setText(node.querySelector(".sms-top span"), phone(sms.to));
  setTime(node.querySelector("time"), sms.at);
  linkify(node.querySelector(".bubble"), sms.text);
  // The texts are Cyrillic: 70 units, or 67 a segment when it takes more than one.
  const segments = sms.units > 70 ? `${Math.ceil(sms.units / 67)} segments` : "1 segment";
  setText(node.querySelector(".sms-size"), `${sms.units} units · ${segments}${sms.from ? ` · ${sms.from}` : ""}`);
}

function renderSms(list) {
  const screen = $("phone-screen");
  const follow = screen.scrollHeight - screen.scrollTop - screen.clientHeight < FOLLOW_PX;
  reconcile($("bubbles"), [...list].reverse(), (sms) => sms.id, createSms, updateSms);
  $("sms-empty").hidden = list.length > 0;
  if (follow) screen.scrollTop = screen.scrollHeight;
}

export function renderInbox({ emails, sms }) {
  // What was there when the page opened counts as read.
  if (!mails.length && framed === null) for (const mail of emails) read.add(mail.id);
  mails = emails;
  const rows = emails.map(({ id, to, subject, at }) => ({ id, to, subject, at }));
  reconcile($("mails"), rows, (mail) => mail.id, createMail, updateMail);
  $("inbox-empty").hidden = emails.length > 0;
  showMail();
  renderSms(sms);
}

/** The notes beside the two headings. The totals come with the state. */
export function renderInboxNotes(counts, delaySeconds) {
  setText($("inbox-note"), shown(mails.length, counts.emails));
  setText($("sms-note"), shown($("bubbles").childElementCount, counts.sms));
  setText($("inbox-when"), `Each lead's e-mail lands here ${delaySeconds} s after it was saved.`);
  setText($("sms-when"), `Each lead's SMS arrives ${delaySeconds} s after it was saved.`);
}

for (const button of document.querySelectorAll("[data-view][aria-pressed]")) {
  button.addEventListener("click", () => setView(button.dataset.view));
}
reports($("mail-report"), "resend", MAIL_REPORTS, () => current()?.id ?? "");
if (matchMedia(NARROW).matches) setView("phone");
new ResizeObserver(fit).observe($("stage"));
