// Draws what customers say where its line of script stands, in another site's page. Its looks are
// its own (shadow root, a sheet made by script: allowed by policies that forbid inline styles). It
// asks nobody anything and sets no cookie: all that it shows came with it. Words are only ever text.
(() => {
  const said = null /* OPINIONS */;
  const here = document.currentScript;
  const w = said.words;

  const make = (name, about = {}, ...inside) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(about)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  };

  const CSS = `
    :host { display: block; max-width: 46rem; color-scheme: light dark; }
    :host([data-theme="light"]) { color-scheme: light; }
    :host([data-theme="dark"]) { color-scheme: dark; }
    * { box-sizing: border-box; }
    section { padding: 1.25rem; border: 1px solid light-dark(#d5dbe3, #38424e); border-radius: 12px;
      background: light-dark(#fff, #191f26); color: light-dark(#1b2430, #e9edf2);
      font: 1rem/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; overflow-wrap: anywhere; }
    h2 { margin: 0 0 .25rem; font-size: 1.25rem; line-height: 1.25; }
    p { margin: 0; white-space: pre-line; }
    ul { list-style: none; margin: 0; padding: 0; }
    li { padding-block: .875rem; border-top: 1px solid light-dark(#d5dbe3, #38424e); }
    .rating { font-size: 1.5rem; font-weight: 650; }
    .small { font-size: .875rem; color: light-dark(#4c5868, #b3bdc9); }
    .reply { margin: .5rem 0 0; padding-left: .75rem; border-left: 3px solid light-dark(#d5dbe3, #38424e); }
    .honest { margin-block: .5rem .875rem; }`;

  const host = make("div", { lang: said.lang });
  if (here.dataset.theme) host.dataset.theme = here.dataset.theme;
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];

  const score = (one) => (one.score === null ? "" : `${one.score} / ${said.scale.high}`);
  const opinion = (one) =>
    make(
      "li",
      {},
      make("p", {}, make("strong", {}, score(one)), " ", make("span", { class: "small" }, [one.name || w.nameless, said.names[one.sku], said.days[one.day]].filter(Boolean).join(" · "))),
      ...(one.words ? [make("p", one.language ? { lang: one.language, dir: "auto" } : { dir: "auto" }, one.words)] : []),
      ...(one.reply ? [make("p", { class: "reply small" }, `${w.reply}: ${one.reply}`)] : []),
    );

  const most = Math.min(said.most, Number.parseInt(here.dataset.most, 10) || said.most);
  const honest = [w.shown, ...(said.low_left_out ? [w.low_left_out] : []), w.asked];
  root.append(
    make(
      "section",
      {},
      make("h2", {}, w.title),
      ...(said.rating ? [make("p", { class: "rating" }, w.rating), make("p", { class: "small" }, w.answers)] : []),
      make("p", { class: "small honest" }, honest.join(" ")),
      said.opinions.length ? make("ul", {}, ...said.opinions.slice(0, most).map(opinion)) : make("p", {}, w.nobody),
    ),
  );
  here.after(host);

  // For search engines; a block of data, which no policy takes for a script. data-ld="no": without.
  // A shop may keep its page as it was drawn: no words of a customer may end the block there.
  if (said.json_ld && here.dataset.ld !== "no") {
    const data = JSON.stringify(said.json_ld).replaceAll("<", "\\u003c");
    document.head.append(make("script", { type: "application/ld+json" }, data));
  }
})();
