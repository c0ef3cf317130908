// The list of people by keyboard: arrows lead from the search box into what was found and back; Enter
// on a row is its link's own. Without this file everything works by Tab.
const box = document.querySelector("#f-q");
const links = () => [...document.querySelectorAll("[data-people] .row-link")];

document.addEventListener("keydown", (event) => {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = links();
  const at = rows.indexOf(document.activeElement);
  if (at < 0 && document.activeElement !== box) return;
  const next = at + (event.key === "ArrowDown" ? 1 : -1);
  const goal = next < 0 ? box : rows[next];
  if (!goal) return;
  event.preventDefault();
  goal.focus();
});

// Enter in the box opens the only one who was found.
box?.addEventListener("keydown", (event) => {
  const rows = links();
  if (event.key !== "Enter" || rows.length !== 1) return;
  event.preventDefault();
  rows[0].click();
});
