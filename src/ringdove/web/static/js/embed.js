// Draws a sign-up form where its line of script stands, in another site's page. Its looks are its
// own (shadow root, a sheet made by script: allowed by policies that forbid inline styles). Where the
// page's policy forbids to post to us, a link to the form's own page takes its place.
(() => {
  const form = null /* FORM */;
  const here = document.currentScript;
  const wished = (here.dataset.lang || document.documentElement.lang || navigator.language || "")
    .slice(0, 2)
    .toLowerCase();
  const language = form.forms[wished] ? wished : form.first;
  const said = form.forms[language];

  const make = (name, about = {}, ...inside) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(about)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  };

  const CSS = `
    :host { display: block; max-width: 30rem; color-scheme: light dark; }
    :host([data-theme="light"]) { color-scheme: light; }
    :host([data-theme="dark"]) { color-scheme: dark; }
    * { box-sizing: border-box; }
    section { padding: 1.25rem; border: 1px solid light-dark(#d5dbe3, #38424e); border-radius: 12px;
      background: light-dark(#fff, #191f26); color: light-dark(#1b2430, #e9edf2);
      font: 1rem/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; overflow-wrap: anywhere; }
    h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.25; }
    p { margin: 0 0 .5rem; white-space: pre-line; }
    form { display: grid; gap: .875rem; margin-top: .75rem; }
    fieldset { border: 0; margin: 0; padding: 0; }
    legend, .label { padding: 0; font-weight: 600; }
    input:not([type="checkbox"]) { display: block; width: 100%; min-height: 2.75rem; padding: .5rem .75rem;
      border: 1px solid light-dark(#7b8796, #7d8997); border-radius: 8px; font: inherit;
      background: light-dark(#fff, #191f26); color: inherit; }
    .tick { display: grid; grid-template-columns: 1.5rem 1fr; gap: .5rem; padding-block: .25rem; }
    .tick input { width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; }
    .small { font-size: .875rem; color: light-dark(#4c5868, #b3bdc9); font-weight: 400; }
    .wrong { color: light-dark(#b3261e, #ffb4ab); }
    .trap { position: absolute; left: -100vw; }
    button { min-height: 2.75rem; padding: .5rem 1rem; border: 0; border-radius: 8px; font: inherit;
      font-weight: 600; cursor: pointer; background: var(--shop, #0b5f8a); color: var(--ink, #fff); }
    a { color: light-dark(#0b5f8a, #8ccdf0); }
    :focus-visible { outline: 3px solid light-dark(#0b5f8a, #8ccdf0); outline-offset: 2px; }`;

  const host = make("div", { lang: language });
  if (form.theme) host.dataset.theme = form.theme;
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS + (form.colour ? `:host{--shop:#${form.colour};--ink:${form.ink}}` : ""));
  root.adoptedStyleSheets = [sheet];

  const field = (name, label, type, about = {}) =>
    make("label", {}, make("span", { class: "label" }, ...label), make("input", { name, type, ...about }));
  const tick = (name, value, words) =>
    make("label", { class: "tick" }, make("input", { type: "checkbox", name, value }), make("span", {}, words));

  const news = make("p", { role: "status", class: "wrong" });
  const button = make("button", { type: "submit" }, said.button);
  const inside = make(
    "form",
    { action: `${form.at}?lang=${language}`, method: "post", novalidate: "" },
    field("phone", [said.phone], "tel", { autocomplete: "tel", maxlength: "60", required: "" }),
    make("p", { class: "small" }, said.hint),
    ...said.fields.map(([name, label, type]) =>
      field(name, [label, " ", make("span", { class: "small" }, `(${said.optional})`)], type),
    ),
    make("div", { class: "trap", "aria-hidden": "true" }, make("input", { name: form.trap, tabindex: "-1", autocomplete: "off" })),
    said.topics.length
      ? make("fieldset", {}, make("legend", {}, said.agree), ...said.topics.map(([key, words]) => tick("topic", key, words)))
      : tick("agree", "yes", said.agree),
    make("div", { class: "small" }, make("p", {}, said.frequency), make("p", {}, said.refusal)),
    news,
    button,
  );
  const section = make("section", {}, make("h2", {}, said.title), ...(said.intro ? [make("p", {}, said.intro)] : []), inside);
  root.append(section);
  here.after(host);

  inside.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    news.textContent = "";
    try {
      const answer = await fetch(inside.action, {
        method: "POST",
        credentials: "omit",
        headers: { accept: "application/json" },
        body: new URLSearchParams(new FormData(inside)),
      });
      const told = await answer.json();
      if (answer.ok) {
        const thanks = make("div", { role: "status", tabindex: "-1" }, make("h2", {}, said.thanks_title), ...told.thanks.map((words) => make("p", {}, words)));
        section.replaceChildren(thanks);
        thanks.focus();
        return;
      }
      const wrong = Object.entries(told.wrong || {});
      news.textContent = wrong.length ? wrong.map(([, words]) => words).join(" ") : said.wrong;
      for (const input of inside.elements) {
        if (input.name) input.setAttribute("aria-invalid", String(wrong.some(([name]) => name === input.name)));
      }
    } catch {
      news.replaceChildren(make("a", { href: `${form.at}?lang=${language}`, target: "_blank", rel: "noopener" }, said.open));
    } finally {
      button.disabled = false;
    }
  });
})();
