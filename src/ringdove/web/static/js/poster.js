// Prints the sheet; the browser's own dialog makes a PDF of it.
document.querySelector("[data-prints]")?.addEventListener("click", () => print());
