// The editor of segments: the page holds the conditions, this adds, moves and removes them, and keeps
// the form field beside them as JSON. What a field may say is in the page (web/segments/segment_leaves.py);
// what it means, and what is wrong with it, says the server. Each change is told by "segmentchange".
let picking = null; // where the dialog of conditions puts what is chosen

for (const editor of document.querySelectorAll("[data-segment-editor]")) start(editor);

// A part of the page that was drawn anew brings editors of its own.
document.addEventListener("redrawn", ({ target }) => {
  for (const editor of target.querySelectorAll("[data-segment-editor]")) start(editor);
});

function start(editor) {
  sayChosen(editor);
  editor.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) deeds[button.dataset.do]?.(editor, button);
  });
  editor.addEventListener("change", (event) => changed(editor, event.target));
  editor.addEventListener("input", ({ target }) => {
    if (target.matches("[data-tree] :not([role])")) write(editor);
  });
  editor.addEventListener("words", ({ detail }) => {
    tell(editor, detail.told, detail.said);
    if (detail.isChange) write(editor);
  });
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-tree] input")) event.preventDefault();
  });
}

// ------------------------------------------------------------------ reading the page

function tree(editor) {
  const saved = editor.querySelector("[data-saved]");
  if (saved?.value) return { leaf: "segment", segment: Number(saved.value) };
  return group(editor.querySelector("[data-tree] > [data-group]"));
}

function group(element) {
  const nodes = element.querySelector(":scope > [data-list]").children;
  return { leaf: element.dataset.join, of: [...nodes].map(node) };
}

function node(item) {
  const inside = item.querySelector(":scope > [data-group]");
  const read = inside ? group(inside) : leaf(item);
  return item.classList.contains("left-out") ? { leaf: "not", of: read } : read;
}

function leaf(item) {
  const read = { leaf: item.dataset.node };
  for (const field of item.querySelectorAll("[data-path]")) {
    const value = field.hidden ? undefined : values[field.dataset.kind](field);
    if (value === undefined) continue;
    const names = field.dataset.path.split(".");
    const last = names.pop();
    let into = read;
    for (const name of names) into = into[name] ??= {};
    into[last] = value;
  }
  return read;
}

const values = {
  number(field) {
    const ends = Object.entries(modeOf(field));
    if (!ends.length) return undefined;
    return Object.fromEntries(ends.map(([end, from]) => [end, typeof from === "number" ? from : typed(field, from)]));
  },
  words(field) {
    const words = [...field.querySelectorAll("[data-word]")].map((one) => one.dataset.word);
    return words.length ? words : undefined;
  },
  choice(field) {
    const { value } = field.querySelector("select");
    if (field.dataset.path === "category") return value;
    if (value === "") return undefined;
    if (["used", "yes"].includes(field.dataset.path)) return value === "yes";
    return ["campaign", "offer", "segment"].includes(field.dataset.path) ? Number(value) : value;
  },
  choices(field) {
    return [...field.querySelectorAll("input:checked")].map((one) => one.value);
  },
};

function modeOf(field) {
  return JSON.parse(field.querySelector("[data-mode]").selectedOptions[0].dataset.ends);
}

// A number as JSON has it; what is none stays as it was typed, and the server says so.
function typed(field, letter) {
  const input = field.querySelector(`[data-end="${letter}"]`);
  const plain = input.value.replace(/[\s\u00a0]/g, "").replace(",", ".").replace("−", "-");
  return input.type !== "date" && /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : input.value;
}

// ------------------------------------------------------------------ after a change

function write(editor) {
  const field = editor.querySelector("[data-json]");
  field.value = JSON.stringify(tree(editor), null, 2);
  editor.dispatchEvent(new CustomEvent("segmentchange", { bubbles: true }));
}

function changed(editor, target) {
  if (target.matches("[data-joins]")) target.closest("[data-group]").dataset.join = target.value;
  else if (target.matches("[data-mode]")) showEnds(target.closest("[data-path]"));
  else if (target.matches('[data-path="key"] select')) showOwnField(target);
  else if (target.matches("[data-saved]")) sayChosen(editor);
  else if (target.matches("[data-file]")) return openFile(editor, target);
  else if (target.matches("[data-json]")) return undefined; // "Show as conditions" takes it over
  write(editor);
}

function showEnds(field) {
  const used = Object.values(modeOf(field));
  for (const input of field.querySelectorAll("[data-end]")) input.hidden = !used.includes(input.dataset.end);
  field.querySelector("[data-between]").hidden = !used.includes("b");
  const unit = field.querySelector("[data-unit]");
  if (unit) unit.hidden = !used.includes("a") && !used.includes("b");
  field.querySelector("[data-end]:not([hidden])")?.focus();
}

function showOwnField(select) {
  const kind = select.selectedOptions[0]?.dataset.fieldKind ?? "";
  for (const field of select.closest("[data-node]").querySelectorAll("[data-of]")) {
    field.hidden = !field.dataset.of.split(" ").includes(kind);
  }
}

// A saved segment takes the place of conditions of one's own, and is said in words.
async function sayChosen(editor) {
  const saved = editor.querySelector("[data-saved]");
  if (!saved) return;
  const place = editor.querySelector("[data-saved-said]");
  const asked = saved.value;
  editor.querySelector("[data-tree]").hidden = asked !== "";
  place.hidden = asked === "";
  place.textContent = "";
  if (!asked) return;
  const answer = await fetch(`${editor.dataset.home}/${asked}/said`);
  if (answer.ok && saved.value === asked) place.textContent = await answer.text();
}

function tell(editor, key, said = {}) {
  const place = editor.querySelector("[data-said]");
  place.textContent = place.dataset[key].replace(/\{(\w+)\}/g, (_, name) => said[name]);
}

// ------------------------------------------------------------------ what buttons do

const deeds = {
  pick: (editor, button) => pick(editor, button, false),
  "pick-out": (editor, button) => pick(editor, button, true),
  "add-group": (editor, button) => add(editor, listOf(button), "group", false),
  "leave-out": (editor, button) => {
    const item = itemOf(button);
    const isOut = item.classList.toggle("left-out");
    button.setAttribute("aria-pressed", String(isOut));
    tell(editor, isOut ? "leftOut" : "letIn");
    write(editor);
  },
  copy(editor, button) {
    const item = itemOf(button);
    const twin = item.cloneNode(true);
    const [from, to] = [item, twin].map((one) => one.querySelectorAll("input, select"));
    to.forEach((input, n) => {
      if (input.type === "checkbox") input.checked = from[n].checked;
      else input.value = from[n].value;
    });
    item.after(twin);
    focusIn(twin);
    tell(editor, "added", { what: titleOf(twin) });
    write(editor);
  },
  remove(editor, button) {
    const item = itemOf(button);
    const beside = item.nextElementSibling ?? item.previousElementSibling;
    const around = item.parentElement.closest("[data-group]");
    editor.removed = { item, list: item.parentElement, next: item.nextElementSibling };
    item.remove();
    editor.querySelector("[data-gone]").hidden = false;
    (beside?.querySelector('[data-do="remove"]') ?? around.querySelector(':scope > .actions [data-do="pick"]')).focus();
    tell(editor, "removed");
    write(editor);
  },
  undo(editor) {
    const { item, list, next } = editor.removed;
    list.insertBefore(item, next?.parentElement === list ? next : null);
    editor.querySelector("[data-gone]").hidden = true;
    focusIn(item);
    tell(editor, "back");
    write(editor);
  },
  up: (editor, button) => move(editor, button, true),
  down: (editor, button) => move(editor, button, false),
  more(editor, button) {
    for (const field of itemOf(button).querySelectorAll("[data-path]:not([data-of])")) field.hidden = false;
    button.previousElementSibling?.querySelector("input, select")?.focus();
    button.remove();
  },
  async apply(editor) {
    const field = editor.querySelector("[data-json]");
    const wrong = editor.querySelector("[data-json-wrong]");
    const body = new URLSearchParams({ tree: field.value });
    const answer = await fetch(`${editor.dataset.home}/drawn`, { method: "POST", body });
    const said = await answer.text();
    wrong.hidden = answer.ok;
    wrong.textContent = answer.ok ? "" : said;
    if (!answer.ok) return;
    const place = editor.querySelector("[data-tree]");
    place.innerHTML = said;
    place.hidden = false;
    if (editor.dataset.empty) place.querySelector(".segment-empty").textContent = editor.dataset.empty;
    const saved = editor.querySelector("[data-saved]");
    if (saved) saved.value = "";
    write(editor);
  },
  download(editor) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([editor.querySelector("[data-json]").value], { type: "application/json" }));
    link.download = "segment.json";
    link.click();
    URL.revokeObjectURL(link.href);
  },
};

const itemOf = (element) => element.closest("[data-node]");
const listOf = (element) => element.closest("[data-group]").querySelector(":scope > [data-list]");
const titleOf = (item) => item.querySelector(".segment-head strong")?.innerText.trim() ?? "";

function focusIn(item) {
  const first = item.querySelector('[data-path]:not([hidden]) :is(input, select):not([hidden]), [data-do="pick"]');
  (first ?? item.querySelector("button"))?.focus();
}

function pick(editor, button, isOut) {
  picking = { editor, list: listOf(button), isOut };
  document.getElementById("segment-pick").showModal();
}

document.getElementById("segment-pick")?.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-pick]");
  if (!chosen || !picking) return;
  document.getElementById("segment-pick").close();
  add(picking.editor, picking.list, chosen.dataset.pick, picking.isOut);
});

function add(editor, list, kind, isOut) {
  const template = document.querySelector(`template[data-new="${kind}"]`);
  const item = template.content.firstElementChild.cloneNode(true);
  if (isOut) {
    item.classList.add("left-out");
    item.querySelector('[data-do="leave-out"]').setAttribute("aria-pressed", "true");
  }
  list.append(item);
  focusIn(item);
  tell(editor, "added", { what: titleOf(item) });
  write(editor);
}

// Up and down go through the conditions as one reads them: into a group and out of it again.
function move(editor, button, isUp) {
  const item = itemOf(button);
  const list = item.parentElement;
  const beside = isUp ? item.previousElementSibling : item.nextElementSibling;
  const inner = beside?.querySelector(":scope > [data-group] > [data-list]");
  const outer = list.closest("[data-node]");
  if (inner) isUp ? inner.append(item) : inner.prepend(item);
  else if (beside) isUp ? beside.before(item) : beside.after(item);
  else if (outer) isUp ? outer.before(item) : outer.after(item);
  else return;
  button.focus();
  const now = [...item.parentElement.children];
  tell(editor, "moved", { n: now.indexOf(item) + 1, all: now.length });
  write(editor);
}

async function openFile(editor, input) {
  if (!input.files.length) return;
  editor.querySelector("[data-json]").value = await input.files[0].text();
  input.value = "";
  deeds.apply(editor);
}
