// Chosen boxes stand first, in the order in which they were chosen: their order is their meaning.
document.addEventListener("change", (event) => {
  const group = event.target.closest("[data-ordered]");
  const choice = event.target.closest("label");
  if (!group || !choice) return;
  const others = [...group.querySelectorAll("label")].filter((label) => label !== choice);
  const place = others.filter((label) => label.querySelector("input").checked).length;
  group.insertBefore(choice, others[place] ?? null);
  event.target.focus();
});
