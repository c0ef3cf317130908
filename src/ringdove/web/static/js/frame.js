// What the frame of every page does: menu on phones, dialogs, small menus, copying, toasts.
const body = document.body;

const opened = {
  menu(isOpen) {
    body.classList.toggle("menu-open", isOpen);
    for (const button of document.querySelectorAll("[data-menu]")) {
      button.setAttribute("aria-expanded", String(isOpen));
    }
    if (isOpen) document.querySelector("#menu a")?.focus();
  },
};

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard?.writeText(source.value ?? source.textContent.trim());
  const label = button.querySelector("[data-label]");
  if (!label) return;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  setTimeout(() => (label.textContent = before), 1600);
}

function reveal(button) {
  const input = document.getElementById(button.dataset.reveals);
  const isShown = input.type === "text";
  input.type = isShown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!isShown));
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-menu]")) opened.menu(!body.classList.contains("menu-open"));
  else if (at("[data-menu-close]")) opened.menu(false);
  else if (at("[data-opens]")) document.getElementById(at("[data-opens]").dataset.opens)?.showModal();
  else if (at("[data-closes]")) at("dialog")?.close();
  else if (at("[data-copy]")) copy(at("[data-copy]"));
  else if (at("[data-reveals]")) reveal(at("[data-reveals]"));
  else if (at("[data-dismiss]")) at(".toast-line")?.remove();
  else if (event.target instanceof HTMLDialogElement) event.target.close(); // its backdrop
  for (const menu of document.querySelectorAll("details.menu-pop[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  opened.menu(false);
  for (const menu of document.querySelectorAll("details.menu-pop[open]")) menu.open = false;
});

// A select that is a decision by itself, such as the store or the language.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// One press is one deed: a form that is on its way is not sent again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

const toast = document.querySelector(".toast-line");
if (toast && !toast.matches("[data-stays]")) setTimeout(() => toast.remove(), 8000);

// A dialog whose form came back with something to correct is open from the start.
const returned = document.querySelector("[data-open-now]");
if (returned) document.getElementById(returned.dataset.openNow)?.showModal();
