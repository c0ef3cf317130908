// The editor of an automation. A button that adds, moves or removes a step sends the whole form and
// takes the column from what comes back; nothing is kept before Save. A step is dragged by its grip to
// a place between two others: the same deed as the arrows. Writing a text: a value goes where the
// cursor is, and one press brings the ready text back. Without this file the buttons do the same.
const form = document.getElementById("journey");
let isBusy = false;
let isDirty = false;

// ------------------------------------------------------------------ deeds

async function draw(deed) {
  if (isBusy) return;
  isBusy = true;
  const column = document.getElementById("column");
  const at = document.activeElement;
  form.setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form));
  body.set("deed", deed);
  column.inert = true; // what would be typed now is not in what was sent
  let said;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    said = answer.ok ? await answer.text() : null;
  } catch {
    said = null;
  }
  isBusy = false;
  form.removeAttribute("aria-busy");
  column.inert = false;
  if (said === null) {
    at?.focus();
    return tell(form.dataset.lost, true);
  }
  take(new DOMParser().parseFromString(said, "text/html"), deed);
}

function take(fresh, deed) {
  const old = document.getElementById("column");
  const column = fresh.getElementById("column");
  const open = [...old.querySelectorAll("details[open] > summary[id]")].map((one) => one.id);
  old.replaceWith(document.adoptNode(column));
  for (const id of open) document.getElementById(id)?.parentElement.setAttribute("open", "");
  window.htmx?.process(column);
  column.dispatchEvent(new CustomEvent("redrawn", { bubbles: true }));
  dirty(column.dataset.told);
  focus(column, deed);
  keep(deed.startsWith("remove.") ? old : null);
}

// What was removed last comes back with all that was typed in it, until something else is done.
let removed = null;

function keep(column) {
  removed = column;
  form.querySelector("[data-undo]").hidden = !column;
}

form?.querySelector("[data-undo]")?.addEventListener("click", () => {
  document.getElementById("column").replaceWith(removed);
  removed.querySelector(".step summary")?.focus();
  keep(null);
  dirty();
});

// Where one goes on: at the arrow that was pressed, in the step that is new, at what is beside it.
function focus(column, deed) {
  const [what] = deed.split(".");
  const step = document.getElementById(`step-${column.dataset.opened}`);
  const arrow = ["up", "down"].includes(what) && step?.querySelector(`:scope > .step-tools [value^="${what}."]`);
  const place = arrow || step?.querySelector("summary") || column.querySelector(".slot-add");
  if (what === "redraw" && form.redrawn) document.getElementById(form.redrawn)?.focus();
  else place?.focus();
  step?.scrollIntoView({ block: "nearest" });
}

function tell(text, isBad = false) {
  const place = form.querySelector("[data-status]");
  place.textContent = text;
  place.classList.toggle("wrong", isBad);
}

function dirty(told = "") {
  isDirty = true;
  const place = form?.querySelector("[data-status]");
  if (place) tell(`${told} ${place.dataset.unsaved}`.trim());
}

form?.addEventListener("click", (event) => {
  const button = event.target.closest('button[name="deed"]:not([value="save"])');
  if (!button) return;
  event.preventDefault();
  draw(button.value);
});

form?.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-redraws]")) return;
  form.redrawn = target.id;
  draw("redraw");
});

form?.addEventListener("segmentchange", () => dirty());
form?.addEventListener("submit", () => (isDirty = false));
addEventListener("beforeunload", (event) => isDirty && event.preventDefault());
if (document.querySelector("#column[data-dirty]")) isDirty = true;

// ------------------------------------------------------------------ dragging

const EDGE_PX = 70;
let dragged = null;

form?.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button) return;
  event.preventDefault();
  const step = grip.closest("[data-step]");
  dragged = { step, grip, place: null };
  grip.setPointerCapture(event.pointerId);
  form.classList.add("dragging");
  step.classList.add("dragged");
});

form?.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  if (event.clientY < EDGE_PX) scrollBy(0, -12);
  else if (event.clientY > innerHeight - EDGE_PX) scrollBy(0, 12);
  point(nearest(event.clientX, event.clientY));
});

for (const end of ["pointerup", "pointercancel"]) {
  form?.addEventListener(end, (event) => {
    if (!dragged) return;
    const { step, place } = dragged;
    point(null);
    dragged = null;
    form.classList.remove("dragging");
    step.classList.remove("dragged");
    if (event.type === "pointerup" && place) draw(`move.${step.dataset.step}.${place.dataset.place}`);
  });
}

// Of the places beside which the pointer is, the nearest; none within the step itself.
function nearest(x, y) {
  let best = null;
  let least = Infinity;
  for (const slot of form.querySelectorAll("[data-place]")) {
    if (dragged.step.contains(slot)) continue;
    const box = slot.getBoundingClientRect();
    const aside = Math.max(box.left - x, 0, x - box.right);
    const away = Math.abs(y - (box.top + box.bottom) / 2) + aside * 3;
    if (away < least) [best, least] = [slot, away];
  }
  return best;
}

function point(slot) {
  if (dragged.place === slot) return;
  dragged.place?.classList.remove("target");
  slot?.classList.add("target");
  dragged.place = slot;
}

// ------------------------------------------------------------------ writing

let writing = null;

// htmx looks at "input"; the button of a text that is as it came has nothing to do.
function changed(area) {
  const back = document.querySelector(`[data-back="${area.id}"]`);
  if (back) back.disabled = area.value.trim() === area.dataset.ready.trim();
}

form?.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-template]")) writing = event.target;
});

form?.addEventListener("input", (event) => {
  if (event.target.matches("[data-template]")) changed(event.target);
  if (event.target.name) dirty();
});

form?.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert]");
  const back = event.target.closest("[data-back]");
  if (!(insert || back)) return;
  const first = () => form.querySelector("[data-template]");
  const area = back ? document.getElementById(back.dataset.back) : writing?.isConnected ? writing : first();
  if (!area) return;
  if (insert) area.setRangeText(insert.dataset.insert, area.selectionStart, area.selectionEnd, "end");
  else area.value = area.dataset.ready;
  for (let box = area.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
});
