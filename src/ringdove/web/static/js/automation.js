// Writing a text: a value goes where the cursor is, and one press brings the ready text back.
const form = document.getElementById("recipe");
let writing = form.querySelector("[data-template]");

// htmx looks at "input"; the button of a text that is as it came has nothing to do.
function changed(area) {
  const back = document.querySelector(`[data-back="${area.id}"]`);
  back.disabled = area.value.trim() === area.dataset.ready.trim();
}

form.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-template]")) writing = event.target;
});

form.addEventListener("input", (event) => {
  if (event.target.matches("[data-template]")) changed(event.target);
});

form.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert]");
  const back = event.target.closest("[data-back]");
  const area = back ? document.getElementById(back.dataset.back) : writing;
  if (!area || !(insert || back)) return;
  if (insert) area.setRangeText(insert.dataset.insert, area.selectionStart, area.selectionEnd, "end");
  else area.value = area.dataset.ready;
  area.closest("details").open = true;
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
});
