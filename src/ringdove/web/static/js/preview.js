// The preview of a form follows what is typed: the server draws the visitors' own page from it.
const PAUSE_MS = 350;

for (const form of document.querySelectorAll("[data-preview]")) follow(form);

function follow(form) {
  const frame = document.getElementById(form.dataset.frame);
  const buttons = [...document.querySelectorAll("[data-look]")];
  let waiting = 0;
  let latest = 0;

  async function draw() {
    const mine = ++latest;
    const chosen = buttons.find((button) => button.getAttribute("aria-pressed") === "true");
    const answer = await fetch(`${form.dataset.preview}?lang=${chosen?.dataset.look ?? ""}`, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
    });
    if (answer.ok && mine === latest) frame.srcdoc = await answer.text();
  }

  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, PAUSE_MS);
  });
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      draw();
    });
  }
  if (!frame.hasAttribute("src")) draw();
}
