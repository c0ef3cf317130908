// A thread shows its newest text, as on a phone, unless somebody is reading further up.
const thread = document.querySelector("[data-ends]");

if (thread) {
  const NEAR_PX = 80;
  let atEnd = true;
  const toEnd = () => {
    if (atEnd) thread.scrollTop = thread.scrollHeight;
  };
  thread.addEventListener("scroll", () => {
    atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_PX;
  });
  new MutationObserver(toEnd).observe(thread, { childList: true });
  new ResizeObserver(toEnd).observe(thread); // a long answer makes its box higher, and this lower
  toEnd();
}

// Who has just answered goes on answering.
if (matchMedia("(hover: hover)").matches) document.querySelector("[data-stays]")?.focus();
