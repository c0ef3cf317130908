// The composer of a campaign keeps what is typed: a moment after a change the whole form is sent, and
// the parts of the page that say something ([data-part]) are drawn anew from what comes back. One
// request at a time; what was typed meanwhile is sent next. A version that somebody else has changed
// is told and never written over. Without this file a button saves.
const PAUSE_MS = 600;
const AGAIN_MS = 4000;
const COUNT_MS = 2500; // words change what it costs; it is counted when one has stopped typing
const form = document.querySelector("form[data-autosaves]");
const page = document;

if (form && !form.querySelector("fieldset[disabled]")) compose();
if (form) {
  load();
  show();
}

function compose() {
  let waiting = 0;
  let isSaving = false;
  let isDirty = false;
  let isHeld = false; // by a conflict: until the person has chosen

  const status = (text, isBad = false) => {
    const place = page.getElementById("saved");
    place.textContent = text;
    place.classList.toggle("wrong", isBad);
  };

  const later = (ms = PAUSE_MS) => {
    isDirty = true;
    if (!isHeld) status(form.dataset.unsaved);
    clearTimeout(waiting);
    waiting = setTimeout(save, ms);
  };

  let running = Promise.resolve();
  const save = () => (isSaving || isHeld ? running : (running = send()));

  async function send() {
    isSaving = true;
    isDirty = false;
    status(form.dataset.saving);
    const [before, words] = [asked(), said()];
    let answer;
    try {
      answer = await fetch(form.action, {
        method: "POST",
        headers: { "x-autosave": "yes" },
        body: new URLSearchParams(new FormData(form)),
      });
    } catch {
      answer = null;
    }
    isSaving = false;
    if (!answer || ![200, 409, 422].includes(answer.status)) {
      status(form.dataset.lost, true);
      return later(AGAIN_MS);
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    isHeld = answer.status === 409;
    draw(fresh, isHeld ? ["told"] : null);
    if (isHeld) {
      status(form.dataset.unsaved, true);
      page.getElementById("told").scrollIntoView({ block: "nearest" });
      return;
    }
    if (before !== saved || words !== counted) {
      clearTimeout(counting);
      counting = setTimeout(load, before !== saved ? 0 : COUNT_MS);
      [saved, counted] = [before, words];
    }
    if (isDirty) later(0);
  }

  const asked = () => JSON.stringify(["audience", "without", "topic", "category"].map(value));
  const said = () => JSON.stringify([...form.querySelectorAll("[name^=words-]")].map((one) => one.value));
  let [saved, counted, counting] = [asked(), said(), 0];

  form.addEventListener("input", () => later());
  form.addEventListener("segmentchange", () => later());
  form.addEventListener("change", () => {
    later();
    show();
  });

  form.addEventListener("click", (event) => {
    const person = event.target.closest("[data-person]");
    if (!person) return;
    event.preventDefault();
    form.elements.person.value = person.dataset.person;
    const label = person.getAttribute("aria-label");
    save().then(() => form.querySelector(`[data-person][aria-label="${label}"]`)?.focus());
  });

  page.addEventListener("click", (event) => {
    const keeps = event.target.closest("[data-keeps]");
    if (!keeps) return;
    form.elements.version.value = keeps.dataset.keeps;
    isHeld = false;
    page.getElementById("told").replaceChildren();
    save();
  });

  // A field whose drawing depends on another one: the page itself is fetched again once it is saved.
  form.addEventListener("change", async (event) => {
    if (!event.target.matches("[data-redraws]")) return;
    clearTimeout(waiting);
    await save();
    if (!isHeld && !isDirty) location.reload();
  });

  addEventListener("beforeunload", (event) => {
    if (isDirty || isHeld) event.preventDefault();
  });
  // A button that saves waits for what is on its way: else it would meet its own page's version.
  form.addEventListener("submit", (event) => {
    clearTimeout(waiting);
    isDirty = false;
    if (isSaving) {
      event.preventDefault();
      running.then(() => form.requestSubmit(event.submitter));
    }
    isHeld = false;
  });
}

function value(name) {
  return form.elements[name]?.value ?? "";
}

// What somebody is in the middle of is left alone.
function draw(fresh, only) {
  for (const part of page.querySelectorAll("[data-part]")) {
    if (only && !only.includes(part.id)) continue;
    const next = fresh.getElementById(part.id);
    if (!next || part.innerHTML === next.innerHTML) continue;
    if (part.contains(page.activeElement) && page.activeElement.matches("input:not([type=hidden]), textarea")) continue;
    part.replaceWith(next);
  }
  for (const area of form.querySelectorAll("[data-sample]")) {
    const next = fresh.getElementById(area.id);
    if (next?.dataset.sample) area.dataset.sample = next.dataset.sample;
  }
}

// How many people it is for is counted apart: it may take a second.
async function load() {
  const place = page.querySelector("[data-loads]");
  if (!place) return;
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(place.dataset.loads);
    if (answer.ok) place.innerHTML = await answer.text();
  } finally {
    place.removeAttribute("aria-busy");
  }
}

// Fields that a choice makes needless are out of the way.
function show() {
  const mode = form.querySelector("[name=when-mode]:checked")?.value ?? "now";
  for (const one of form.querySelectorAll("[data-when]")) one.hidden = !one.dataset.when.split(" ").includes(mode);
  for (const box of form.querySelectorAll("[data-kinds]")) {
    const kind = box.querySelector("[data-kind]").value;
    for (const one of box.querySelectorAll("[data-of]")) one.hidden = one.dataset.of !== kind;
  }
}

// A value goes where the cursor is.
let writing = form?.querySelector("[data-template]");
form?.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-template]")) writing = event.target;
});
form?.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert]");
  if (!insert || !writing) return;
  writing.setRangeText(insert.dataset.insert, writing.selectionStart, writing.selectionEnd, "end");
  writing.closest("details").open = true;
  writing.focus();
  writing.dispatchEvent(new Event("input", { bubbles: true }));
});
