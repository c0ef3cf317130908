// Keeps parts of a page fresh. <div id="rows" data-live="messages"> is fetched again, from this page's
// own address or from its data-live-url, and morphed in place when the server says that its topic
// (or everything) has news. The part is found by its id in what comes back.
const PAUSE_MS = 400; // news come in swarms: one fetch answers a swarm
const address = document.body.dataset.liveUrl;
const waiting = new Map();

function parts(topic) {
  const all = [...document.querySelectorAll("[data-live]")];
  return topic === "*" ? all : all.filter((part) => part.dataset.live.split(" ").includes(topic));
}

// What a person is typing into, or has opened to read, is left alone until they are done.
function isBusy(part) {
  if (part.querySelector(".wire details[open], details.stays[open]")) return true;
  return part.contains(document.activeElement) && document.activeElement.matches("input, textarea");
}

function freshen(part) {
  clearTimeout(waiting.get(part));
  waiting.set(
    part,
    setTimeout(() => {
      if (!part.isConnected) return;
      if (document.hidden || isBusy(part)) return freshen(part);
      waiting.delete(part);
      const url = part.dataset.liveUrl ?? location.pathname + location.search;
      const select = `#${part.id}`;
      window.htmx.ajax("GET", url, { source: part, target: part, select, swap: "outerMorph" });
    }, PAUSE_MS),
  );
}

// A part that stands on every page is fresh where a stream is open anyway: browsers keep few open.
if (address && document.querySelector("[data-live]:not([data-besides]), [data-pulses]")) {
  const stream = new EventSource(address);
  let wasLost = false;
  stream.addEventListener("news", (event) => parts(event.data).forEach(freshen));
  stream.addEventListener("pulse", (event) => {
    const detail = JSON.parse(event.data);
    document.dispatchEvent(new CustomEvent("ringdove:pulse", { detail }));
  });
  stream.addEventListener("error", () => (wasLost = true));
  stream.addEventListener("open", () => {
    if (wasLost) parts("*").forEach(freshen); // what happened meanwhile is not repeated
    wasLost = false;
  });
  addEventListener("pagehide", () => stream.close());
}
