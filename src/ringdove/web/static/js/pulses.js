// Shows the pulse of each gateway as the workers tell it (js/live.js passes it on): the sum over its
// connections. Who tells nothing for a while is quiet. The rest of the page is fetched as ever.
const QUIET_MS = 5000;
const pulses = new Map(); // gateway → connection → {at, per_s, unanswered, queued}
const numbers = new Intl.NumberFormat(document.documentElement.lang || undefined, {
  maximumFractionDigits: 1,
});

function draw() {
  const since = Date.now() - QUIET_MS;
  for (const place of document.querySelectorAll("[data-gateway]")) {
    const told = [...(pulses.get(place.dataset.gateway)?.values() ?? [])].filter(
      (one) => one.at > since,
    );
    const sum = (name) => told.reduce((all, one) => all + one[name], 0);
    const speed = place.querySelector("[data-per-s]");
    const words = told.length && sum("per_s") > 0 ? numbers.format(sum("per_s")) : place.dataset.quiet;
    if (speed.textContent !== words) speed.textContent = words;
    if (told.length) {
      place.querySelector("[data-unanswered]").textContent = numbers.format(sum("unanswered"));
    }
  }
}

document.addEventListener("ringdove:pulse", ({ detail }) => {
  const gateway = String(detail.gateway);
  if (!pulses.has(gateway)) pulses.set(gateway, new Map());
  pulses.get(gateway).set(detail.bind, { ...detail, at: Date.now() });
  draw();
});
for (const name of ["htmx:afterSwap", "htmx:after:swap"]) document.addEventListener(name, draw);
setInterval(draw, 1000);
