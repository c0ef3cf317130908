// The box in which an answer is written: Ctrl+Enter sends it, /word puts in the ready answer with that
// word. Heard on the document, since the box is drawn anew after each answer.
document.addEventListener("keydown", (event) => {
  const area = event.target.closest?.("[data-answer] textarea");
  if (!area) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    area.form.requestSubmit();
  } else if (event.key === "Tab" || event.key === " " || event.key === "Enter") {
    if (putIn(area)) event.preventDefault();
  }
});

function putIn(area) {
  const word = /^\s*\/([\p{L}\p{N}_-]{1,20})$/u.exec(area.value)?.[1].toLowerCase();
  const number = word && JSON.parse(area.form.dataset.shortcuts)[word];
  if (!number) return false;
  area.form.querySelector(`[href$="/canned/${number}"]`).click();
  return true;
}
