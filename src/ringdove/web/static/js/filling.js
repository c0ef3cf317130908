// Fills a template with values as rules/texts/templates.py does, where the template only names values
// and asks at most whether one is there. Anything else is null: the server knows.
const NAMED = /\{\{ ?(stop_url|\w+(?=\.))(?:\.(\w+))? ?\}\}/g;
const IF = /\{% if (\w+)\.(\w+) %\}(.*?)\{% endif %\}/gs;
// Letters whose case or whose place among blanks Python sees otherwise.
const STRANGE = /[\r\x1c-\x1f\x85\u2028\u2029\ufeff]/;

export function fill(template, values) {
  const stretches = [];
  let end = 0;
  for (const match of template.matchAll(IF)) {
    stretches.push([true, template.slice(end, match.index)]);
    stretches.push([known(values, match[1], match[2]), match[3]]);
    end = match.index + match[0].length;
  }
  stretches.push([true, template.slice(end)]);
  if (stretches.some(([, words]) => words.replace(NAMED, "").includes("{"))) return null;
  const said = stretches
    .filter(([isThere]) => isThere)
    .map(([, words]) => words.replace(NAMED, (_, noun, name) => known(values, noun, name)))
    .join("");
  return STRANGE.test(said) ? null : tidy(said);
}

function known(values, noun, name) {
  return (name ? values[noun]?.[name] : values[noun]) ?? "";
}

const TIDYINGS = [
  [/\( *\)/g, ""],
  [/[ \t]{2,}/g, " "],
  [/ +(?=[,;.](?:\s|$))/g, ""],
  [/([,;])(?:\s*[,;])+(?=\s|$)/g, "$1"],
  [/[,;](?=[.!?](?:\s|$))/g, ""],
  [/^[ \t]+|[ \t]+$/gm, ""],
  [/\n{3,}/g, "\n\n"],
];

function tidy(said) {
  const tidied = TIDYINGS.reduce((text, [found, becomes]) => text.replace(found, becomes), said);
  const begun = tidied.replace(/^\s*[,;]\s*([\p{L}\p{N}_]?)/u, (_, letter) => letter.toUpperCase());
  return begun.trim();
}
