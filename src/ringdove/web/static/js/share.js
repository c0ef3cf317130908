/* What only some browsers can: their own sheet of apps, and copying. Without it the links stand. */
for (const place of document.querySelectorAll("[data-share]")) {
  const field = place.querySelector("input");
  const button = (text, deed) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    made.className = "button plain";
    made.addEventListener("click", () => deed(made));
    place.append(made);
  };
  field.addEventListener("focus", () => field.select());
  if (navigator.clipboard) {
    button(place.dataset.copy, async (made) => {
      await navigator.clipboard.writeText(field.value);
      made.textContent = place.dataset.copied;
    });
  }
  if (navigator.share) {
    button(place.dataset.native, () =>
      navigator.share({ title: document.title, url: field.value }).catch(() => {}));
  }
}
