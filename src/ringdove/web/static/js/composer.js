// The size of a text while it is typed: parts, characters of how many, the letters that make it dear.
// A form with data-counter says which texts are counted and in which words; the server's own answer
// follows and says the same. One press takes over a cheaper spelling.
const LETTERS_NAMED_MAX = 8; // as web/sending/counting.py
const DEAR_SHARE_MAX = 3;

for (const form of document.querySelectorAll("[data-counter]")) count(form);
// A form that came later, as the box of an answer does after each of them.
document.addEventListener("focusin", ({ target }) => {
  const form = target.dataset?.counts && target.closest("[data-counter]");
  if (form) count(form);
});

function count(form) {
  if (form.counts) return;
  form.counts = true;
  const counting = Promise.all([import(form.dataset.counter), import(form.dataset.filling)]);
  const alphabets = JSON.parse(form.dataset.alphabets);
  const words = JSON.parse(form.dataset.words);
  // Heard from the first moment: what is typed before the counter is there is counted once it is.
  form.addEventListener("input", async ({ target }) => {
    if (!target.dataset?.counts) return;
    const [{ measure }, { fill }] = await counting;
    const place = document.getElementById(target.dataset.counts);
    if (!place?.querySelector("[data-size]")) return;
    const typed = target.value.trim() || target.dataset.ready?.trim() || "";
    const said = target.dataset.sample ? fill(typed, JSON.parse(target.dataset.sample)) : typed;
    if (said !== null) show(place, said, measure(said, alphabets), words);
  });
}

function show(place, said, size, words) {
  const put = (name, text) => (place.querySelector(`[data-${name}]`).textContent = text);
  const number = new Intl.NumberFormat(document.documentElement.lang || undefined);
  const form = new Intl.PluralRules(document.documentElement.lang || undefined).select(size.parts);
  const parts = (words.parts[form] ?? words.parts.other).replace(/\d+/, number.format(size.parts));
  put("parts", parts);
  for (const other of document.querySelectorAll(`[data-parts-of="${place.id}"]`)) other.textContent = parts;
  put("used", words.used.replace("{used}", number.format(size.units)).replace("{room}", number.format(size.room)));
  put("encoding", size.encoding);
  const dear = dearLetters(said, size.costly);
  put("costly", words.costly.replace("{letters}", dear.map(named).join(" ")));
  place.querySelector("[data-costly]").hidden = !dear.length;
  const bubble = place.querySelector("[data-said]");
  if (bubble) bubble.replaceChildren(...marked(said, new Set(dear)));
}

function dearLetters(said, costly) {
  if (costly.length > LETTERS_NAMED_MAX) return [];
  const letters = [...said];
  const times = letters.filter((letter) => costly.includes(letter)).length;
  return times * DEAR_SHARE_MAX < letters.length ? costly : [];
}

function named(letter) {
  if (!/[\p{Z}\p{C}\p{M}]/u.test(letter)) return letter;
  return `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function* marked(said, dear) {
  let plain = "";
  for (const letter of said) {
    if (!dear.has(letter)) {
      plain += letter;
      continue;
    }
    yield plain;
    plain = "";
    const mark = document.createElement("mark");
    mark.textContent = letter;
    yield mark;
  }
  yield plain;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-swap]");
  if (!button) return;
  const area = document.getElementById(button.dataset.for);
  area.value = button.dataset.swap;
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
});
