// The inbox: keys of the list and the talk, and telling the others that an answer is being written.

// ------------------------------------------------------------------ keys

const SWITCH = "ringdove_inbox_keys";
const isOn = () => localStorage.getItem(SWITCH) !== "off";
const box = document.querySelector("[data-keys-on]");
if (box) {
  box.checked = isOn();
  box.addEventListener("change", () => localStorage.setItem(SWITCH, box.checked ? "on" : "off"));
}

function step(by) {
  const lines = [...document.querySelectorAll("#talks .talk-line")];
  const at = lines.indexOf(document.activeElement);
  const from = at >= 0 ? at : lines.findIndex((line) => line.ariaCurrent);
  const next = lines[Math.min(lines.length - 1, Math.max(0, from + by))];
  next?.focus();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  r: () => document.querySelector("#answer textarea")?.focus(),
  "/": () => document.getElementById("f-q")?.focus(),
  "?": () => document.getElementById("keys-dialog")?.showModal(),
};

// A dialog that was closed keeps the focus in it for a moment longer.
const isTyping = (field) => field.matches("input, textarea, select") && !field.closest("dialog:not([open])");

document.addEventListener("keydown", (event) => {
  if (!isOn() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const deed = KEYS[event.key];
  const button = /^[a-z]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
  if (!deed && !button) return;
  event.preventDefault();
  if (deed) deed();
  else button.click();
});

// ------------------------------------------------------------------ who is writing

const SAY_EVERY_MS = 3000;
const SHOWN_MS = 8000;
const answer = document.getElementById("answer");
let saidAt = 0;

function tell(text) {
  saidAt = text ? Date.now() : 0;
  const body = new URLSearchParams({ text });
  fetch(answer.dataset.typing, { method: "POST", body, keepalive: true }).catch(() => {});
}

if (answer) {
  answer.addEventListener("input", (event) => {
    if (!event.target.matches("textarea")) return;
    if (!event.target.value) tell("");
    else if (Date.now() - saidAt > SAY_EVERY_MS) tell("yes");
  });
  answer.addEventListener("submit", () => saidAt && tell(""));
}

// What is being written stays while one takes the talk, puts it off or looks into another one.
if (answer) {
  const draft = `ringdove_answer${answer.dataset.typing}`;
  const box = () => answer.querySelector("textarea");
  const keep = () => {
    if (box()?.value) sessionStorage.setItem(draft, box().value);
    else sessionStorage.removeItem(draft);
  };
  const before = sessionStorage.getItem(draft);
  if (before && box() && !box().value) {
    box().value = before;
    addEventListener("load", () => box().dispatchEvent(new Event("input", { bubbles: true })));
  }
  answer.addEventListener("input", keep);
  // The box comes back empty when it was sent, filled when a ready answer was chosen.
  new MutationObserver(keep).observe(answer, { childList: true });
}

// Who went away without a word is not shown as writing for ever.
const typing = document.getElementById("typing");
if (typing) {
  let ends;
  const watch = new MutationObserver(() => {
    clearTimeout(ends);
    if (typing.childElementCount) ends = setTimeout(() => typing.replaceChildren(), SHOWN_MS);
  });
  watch.observe(typing, { attributes: true, childList: true, subtree: true });
}
