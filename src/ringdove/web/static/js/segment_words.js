// A box that takes words one by one and suggests while one types: arrows choose, Enter takes the chosen
// one, a comma what was typed; Escape closes, Backspace in an empty box forgets the last. Each [data-suggests] holds a list of words
// and the box; the address of suggestions lies in data-home around it. Changes are told by "words".
const SUGGEST_AFTER_MS = 180;
let numbered = 0;

const isBox = (element) => element.matches('[data-suggests] > [role="combobox"]');

document.addEventListener("input", ({ target }) => isBox(target) && suggest(target));
document.addEventListener("keydown", (event) => isBox(event.target) && keyed(event));
document.addEventListener("focusout", ({ target }) => {
  if (!isBox(target)) return;
  close(target);
  if (target.value.trim()) take(target, target.value.trim());
});
document.addEventListener("click", ({ target }) => {
  const button = target.closest('[data-do="forget"]');
  if (button) forget(button);
});

function tell(place, told, said, isChange = false) {
  place.dispatchEvent(new CustomEvent("words", { bubbles: true, detail: { told, said, isChange } }));
}

function forget(button) {
  const word = button.closest("[data-word]");
  const place = word.closest("[data-suggests]");
  const what = word.innerText.trim();
  word.remove();
  place.querySelector('[role="combobox"]').focus();
  tell(place, "forgotten", { what }, true);
}

function suggest(input) {
  clearTimeout(input.waiting);
  input.waiting = setTimeout(() => look(input), SUGGEST_AFTER_MS);
}

async function look(input) {
  const mine = (input.asked = (input.asked ?? 0) + 1);
  const place = input.closest("[data-suggests]");
  const key = input.closest("[data-node]").querySelector('[data-path="key"] select')?.value ?? "";
  const query = new URLSearchParams({ of: place.dataset.suggests, q: input.value.trim(), key });
  const answer = await fetch(`${place.closest("[data-home]").dataset.home}/words?${query}`);
  if (!answer.ok || mine !== input.asked || document.activeElement !== input) return;
  const chosen = [...place.querySelectorAll("[data-word]")].map((one) => one.dataset.word);
  const found = (await answer.json()).filter(({ value }) => !chosen.includes(value));
  open(input, found);
}

function open(input, found) {
  close(input);
  const place = input.closest("[data-suggests]");
  const list = document.createElement("ul");
  list.role = "listbox";
  list.id = `segment-found-${++numbered}`;
  list.setAttribute("aria-label", input.getAttribute("aria-label"));
  for (const { value, label } of found) {
    const option = document.createElement("li");
    option.role = "option";
    option.id = `${list.id}-${list.children.length}`;
    option.setAttribute("aria-selected", "false");
    option.dataset.value = value;
    option.textContent = label;
    if (label !== value && place.dataset.suggests === "products") {
      option.append(Object.assign(document.createElement("small"), { textContent: value }));
    }
    option.dataset.label = label;
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the focus stays in the box
      take(input, value, label);
    });
    list.append(option);
  }
  if (input.value.trim() && found.length) list.firstElementChild.setAttribute("aria-selected", "true");
  tell(place, "found", { n: found.length });
  if (!found.length) return;
  input.after(list);
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", list.id);
  point(input, [...list.children]);
}

// The option that Enter would take.
function point(input, options) {
  const chosen = options.find((one) => one.getAttribute("aria-selected") === "true");
  if (chosen) input.setAttribute("aria-activedescendant", chosen.id);
  else input.removeAttribute("aria-activedescendant");
}

function close(input) {
  input.parentElement.querySelector('[role="listbox"]')?.remove();
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-controls");
  input.removeAttribute("aria-activedescendant");
  clearTimeout(input.waiting);
  input.asked = (input.asked ?? 0) + 1;
}

function keyed(event) {
  const input = event.target;
  const options = [...input.parentElement.querySelectorAll('[role="option"]')];
  const at = options.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    if (!options.length) return suggest(input);
    const down = event.key === "ArrowDown";
    const next = at < 0 ? (down ? 0 : options.length - 1) : (at + (down ? 1 : -1) + options.length) % options.length;
    options.forEach((one, n) => one.setAttribute("aria-selected", String(n === next)));
    point(input, options);
    options[next].scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" || (event.key === "," && input.value.trim())) {
    event.preventDefault();
    if (at >= 0 && event.key === "Enter") take(input, options[at].dataset.value, options[at].dataset.label);
    else if (input.value.trim()) take(input, input.value.trim());
  } else if (event.key === "Escape" && options.length) {
    event.preventDefault();
    close(input);
  } else if (event.key === "Backspace" && !input.value) {
    const words = input.parentElement.querySelectorAll('[data-do="forget"]');
    if (words.length) forget(words[words.length - 1]);
  }
  return undefined;
}

// What was typed as a suggestion says it, in whatever case, is that suggestion.
function take(input, value, label) {
  const same = [...input.parentElement.querySelectorAll('[role="option"]')].find(
    (one) => one.dataset.label.toLowerCase() === value.toLowerCase(),
  );
  const [word, text] = label ? [value, label] : same ? [same.dataset.value, same.dataset.label] : [value, value];
  close(input);
  input.value = "";
  const place = input.closest("[data-suggests]");
  if ([...place.querySelectorAll("[data-word]")].some((one) => one.dataset.word === word)) return;
  const item = document.querySelector('template[data-new="word"]').content.firstElementChild.cloneNode(true);
  item.dataset.word = word;
  item.querySelector("span").textContent = text;
  const forget = item.querySelector("button");
  forget.setAttribute("aria-label", `${forget.getAttribute("aria-label").trim()} ${text}`);
  place.querySelector("ul").append(item);
  tell(place, "added", { what: text }, true);
}
