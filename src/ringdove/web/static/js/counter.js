// Counts a text as rules/texts/sizes.py counts it: alphabet, units, parts, and the letters that make
// it dear. The alphabets come from there too, so that there is one table; both read the same cases.
const UCS2 = { single: 70, part: 67 };
const PARTS_MAX = 255;

// {encoding, units, parts, room, costly}; parts is 0 where no phone could join so many.
export function measure(text, alphabets) {
  const letters = [...text];
  let best = null;
  for (const alphabet of alphabets.map(known)) {
    if (!letters.every((letter) => alphabet.widths.has(letter))) continue;
    best = fewer(best, counted("GSM-7", letters, alphabet, (letter) => alphabet.widths.get(letter)));
    if (best.parts === 1) return { ...best, costly: [] };
  }
  const costly = best ? [] : unknown(letters, alphabets.map(known));
  const wide = counted("UCS-2", letters, UCS2, (letter) => letter.length);
  return { ...fewer(best, wide), costly };
}

const seen = new WeakMap();

function known(alphabet) {
  if (!seen.has(alphabet)) {
    const widths = new Map([...alphabet.narrow].map((letter) => [letter, 1]));
    for (const letter of alphabet.wide) widths.set(letter, 2);
    seen.set(alphabet, { widths, single: alphabet.single, part: alphabet.part });
  }
  return seen.get(alphabet);
}

// An alphabet tried earlier wins over one that is no cheaper; too many parts lose to any number.
function fewer(best, other) {
  if (!best) return other;
  return (other.parts || Infinity) < (best.parts || Infinity) ? other : best;
}

// A letter of two units (an escape pair, a surrogate pair) is never cut in two.
function counted(encoding, letters, { single, part }, width) {
  let units = 0;
  let parts = 1;
  let taken = 0;
  for (const letter of letters) {
    const wide = width(letter);
    units += wide;
    if (taken + wide > part) [parts, taken] = [parts + 1, 0];
    taken += wide;
  }
  if (units <= single) parts = 1;
  const room = parts === 1 ? single : part * parts;
  return { encoding, units, parts: parts > PARTS_MAX ? 0 : parts, room };
}

function unknown(letters, alphabets) {
  return [...new Set(letters)].filter((one) => !alphabets.some(({ widths }) => widths.has(one)));
}
