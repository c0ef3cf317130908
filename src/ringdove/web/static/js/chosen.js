// Ticks of a list: one box for all of the page, and how many are ticked. The form works without it.
const form = document.querySelector("form[data-chosen]");

if (form) {
  const all = form.querySelector("[data-all]");
  const said = form.querySelector("[data-count]");
  const which = form.querySelector("select[name=which]");
  const boxes = () => [...form.querySelectorAll("input[name=message]")];

  const tell = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    if (said) said.textContent = which?.value === "all" || !ticked ? "" : `✓ ${ticked}`;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    }
  };

  all?.addEventListener("change", () => {
    boxes().forEach((box) => (box.checked = all.checked));
    tell();
  });
  form.addEventListener("change", tell);
  tell();
}
