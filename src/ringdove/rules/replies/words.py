"""The words that replies are read by, of all languages together.

They lie in locales/<language>/phrases.toml under [replies]; a reply is read in all languages at
once, since people write in whichever comes first (P2, N8). Wordings use `*` for any ending,
`(a|b)` for a choice, `(a )?` for what may be missing, `~` for up to four words between, `$` for the
end of what is said and `{goods}` for a class of the language.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from ringdove.rules import languages
from ringdove.rules.policy import DEFAULT, Topic
from ringdove.rules.replies.letters import folded, lowered, spellings, without_accents, words_of

READ_LETTERS_MAX = 1_000
READY = DEFAULT.topics
KNOWN_WORDS_MAX = 20_000
STOP_SPELT_LETTERS_MIN = 8
SPELT_LETTERS_MIN = 5  # a slip in a shorter word makes another word
LITERAL = (
    "stop", "stop_alone", "denials", "everything", "courtesies", "pause", "start", "yes", "help",
)  # fmt: skip
INTENTS = (
    "order_status", "complaint", "complaint_status", "rules_order", "rules_complaint", "thanks",
    "no_thanks", "requests", "changes", "vexed", "contest",
)  # fmt: skip


class Wordings:
    """Phrases with gaps, each under the name of its list. They are asked by their first word, so
    that most are never tried."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        self._phrases = sorted({(name, said) for name, one in lists.items() for said in one})
        self._patterns: dict[int, re.Pattern[str]] = {}
        self._by_word: dict[str, list[int]] = {}
        self._by_stem: dict[str, list[int]] = {}
        for n, (_, phrase) in enumerate(self._phrases):
            for first in set(_first_words(phrase)):
                kept = self._by_stem if first.endswith("*") else self._by_word
                kept.setdefault(first.rstrip("*$"), []).append(n)
        self._stem_sizes = sorted({len(stem) for stem in self._by_stem})
        self._beginning_with = lru_cache(KNOWN_WORDS_MAX)(self._tried_after)

    def lists_in(self, said: Sequence[str]) -> set[str]:
        """The lists of which a wording is said."""
        return {name for _, name in self.places_in(said)}

    def places_in(self, said: Sequence[str]) -> Iterator[tuple[int, str]]:
        """At which words a wording of which list begins."""
        line, offset = "", 0
        for at, word in enumerate(said):
            for n in self._beginning_with(word):
                line = line or " ".join(said)
                if self._pattern(n).match(line, offset):
                    yield at, self._phrases[n][0]
            offset += len(word) + 1

    def _tried_after(self, word: str) -> tuple[int, ...]:
        stems = (word[:size] for size in self._stem_sizes if size <= len(word))
        found = [
            *self._by_word.get(word, ()),
            *(n for x in stems for n in self._by_stem.get(x, ())),
        ]
        return tuple(found)

    def _pattern(self, n: int) -> re.Pattern[str]:
        """Made when it is first asked: a start costs nothing for languages that nobody writes."""
        if n not in self._patterns:
            pattern = self._phrases[n][1].replace("(", "(?:").replace("*", r"\S*")
            pattern = pattern.replace(" ~ ", r"(?: \S+){0,4} ")
            self._patterns[n] = re.compile(rf"(?:{pattern})(?!\S)")
        return self._patterns[n]


@dataclass(frozen=True, slots=True)
class Words:
    """The lists of all languages together."""

    stop: frozenset[str]  # said in one clause
    stop_alone: frozenset[str]  # said and nothing else: "end", "cancel"
    stop_own: Mapping[str, frozenset[str]]  # only from who is written to in this language
    stop_inside: Wordings
    not_stop: Wordings
    denials: frozenset[str]
    everything: frozenset[str]
    courtesies: frozenset[str]
    pause: frozenset[str]
    start: frozenset[str]
    yes: frozenset[str]
    help: frozenset[str]
    stop_words: frozenset[str]  # every word of a stop
    told_words: frozenset[str]  # every word of a pause, start, yes or help
    stop_spelt: Mapping[str, str]  # a word with a letter left out → the word
    intents: Wordings
    spelt: Mapping[str, str]  # likewise, of the intents
    vocabulary: frozenset[str]  # of stop, start and help
    whole: frozenset[str]  # of the intents as well


@dataclass(frozen=True, slots=True)
class Named:
    """What the topics of a store are called."""

    phrases: Mapping[str, str]  # as people write it → topic/loyalty
    words: frozenset[str]  # of all of them


# ------------------------------------------------------------------ from a text to its words

_ADDRESS = re.compile(r"\S+(?:://|@)\S+")
_CLAUSE_END = re.compile(r"[.,;:!?…\n\r()\"“”«»|/+]+|\s[-–—]+\s")
_STOP_SIGN = re.compile("[🛑⛔🚫📵🔕]")
_SPACED = re.compile(r"\W*(?:[^\W\d_][\W_]+){2,}[^\W\d_]\W*")  # S.T.O.P


def clauses_of(text: str, words: Words) -> list[list[str]]:
    """The words of each clause that has some; of a stop sign and no words, "stop"."""
    if "VCARD" in text.upper():  # a contact card ends with "END:VCARD"
        return []
    plain = _ADDRESS.sub(" ", without_accents(text[:READ_LETTERS_MAX]))
    if _SPACED.fullmatch(plain):
        plain = "".join(letter for letter in plain if letter.isalpha())
    clauses = [_said(clause, words) for clause in _CLAUSE_END.split(plain)]
    found = [clause for clause in clauses if clause]
    return [["stop"]] if not found and _STOP_SIGN.search(text) else found


def _said(clause: str, words: Words) -> list[str]:
    found = []
    for word in words_of(clause):
        pieces = [_familiar(piece) for piece in word.split("-")]
        # "stop-sms" is two words, "non-stop" is one of its own.
        if len(pieces) > 1 and not set(pieces) <= words.vocabulary - words.denials:
            pieces = ["-".join(pieces)]
        found += pieces
    return found


@lru_cache(KNOWN_WORDS_MAX)
def _familiar(word: str) -> str:
    """The word as a list has it, though some letters come from another alphabet."""
    words = words_of_all_languages()
    found = next((one for one in spellings(word) if one in words.whole), "")
    plain = lowered(word)
    if found or len(plain) < STOP_SPELT_LETTERS_MIN:
        return found or plain
    meant = (words.stop_spelt[one] for one in (plain, *_shorter(plain)) if one in words.stop_spelt)
    return next(meant, plain)


@lru_cache(KNOWN_WORDS_MAX)
def respelt(word: str) -> str:
    """The word that was meant where one letter is wrong, missing, too much or swapped."""
    words = words_of_all_languages()
    if len(word) < SPELT_LETTERS_MIN - 1 or word in words.whole:
        return word
    return next((words.spelt[x] for x in (word, *_shorter(word)) if x in words.spelt), word)


def _shorter(word: str) -> list[str]:
    return [word[:n] + word[n + 1 :] for n in range(len(word))]


# ------------------------------------------------------------------ the lists


@cache
def words_of_all_languages() -> Words:
    tables = {name: languages.phrases_of(name) for name in languages.languages_present()}
    return gather({name: table.get("replies", {}) for name, table in tables.items()})


def gather(tables: Mapping[str, Mapping[str, Any]]) -> Words:
    """The lists of several languages as one; keys of `tables` are the languages."""
    lists = {key: _listed(tables, key) for key in LITERAL}
    own = {
        name: frozenset(map(folded, table.get("stop_own", ()))) for name, table in tables.items()
    }
    intents = {key: frozenset(_of_intent(tables, key)) for key in INTENTS}
    stop_inside, not_stop = _listed(tables, "stop_inside"), _listed(tables, "not_stop")
    topics = {
        folded(name)
        for table in tables.values()
        for names in table.get("topics", {}).values()
        for name in names
    }
    vocabulary = _words_in({*frozenset().union(*lists.values(), *own.values()), *topics})
    vocabulary |= _whole_words_in(stop_inside | not_stop)
    spelt = {folded(x) for t in tables.values() for x in t.get("intents", {}).get("spelt", ())}
    return Words(
        **lists,
        stop_own=own,
        stop_inside=Wordings({"stop_inside": stop_inside}),
        not_stop=Wordings({"not_stop": not_stop}),
        intents=Wordings(intents),
        stop_words=_words_in(lists["stop"]),
        told_words=_words_in(set().union(*(lists[x] for x in ("pause", "start", "yes", "help")))),
        stop_spelt=_with_slips(_listed(tables, "stop_spelt")),
        spelt=_with_slips(word for word in spelt if len(word) >= SPELT_LETTERS_MIN),
        vocabulary=vocabulary,
        whole=vocabulary | spelt | _whole_words_in(frozenset().union(*intents.values())),
    )  # fmt: skip


def _with_slips(words: Iterable[str]) -> dict[str, str]:
    return {slip: word for word in sorted(words) for slip in (word, *_shorter(word))}


def _listed(tables: Mapping[str, Mapping[str, Any]], key: str) -> frozenset[str]:
    return frozenset(folded(x) for table in tables.values() for x in table.get(key, ()))


def _of_intent(tables: Mapping[str, Mapping[str, Any]], key: str) -> Iterator[str]:
    for table in tables.values():
        told = table.get("intents", {})
        for wording in told.get(key, ()):
            for name, words in told["classes"].items():
                wording = wording.replace(f"{{{name}}}", words)
            yield folded(wording)


_WHOLE_WORD = re.compile(r"(?<![\w'-])[\w'-]+(?![\w'*-])")


def _words_in(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in phrase.split())


def _whole_words_in(wordings: Iterable[str]) -> frozenset[str]:
    return frozenset(word for wording in wordings for word in _WHOLE_WORD.findall(wording))


def _first_words(wording: str) -> Iterator[str]:
    """The words that it can begin with; a stem ends with `*`."""
    if not wording.startswith("("):
        first = re.split(r"[ (]", wording, maxsplit=1)[0]
        yield f"{first}*" if wording[len(first) :].startswith("(") else first
        return
    depth, start = 0, 1
    for at, letter in enumerate(wording):
        depth += (letter == "(") - (letter == ")")
        if (letter == "|" and depth == 1) or (letter == ")" and depth == 0):
            yield from _first_words(wording[start:at])
            start = at + 1
        if depth == 0:
            break
    if wording[start : start + 1] == "?":  # "(do )?numeru": it may be left out
        yield from _first_words(wording[start + 1 :].lstrip())


def topic_words(topics: Sequence[Topic]) -> Named:
    """What a topic is called, by everything that people may write for it: its code, its names, the
    ready words of every language."""
    if topics is READY:
        return _ready_words()
    return _topic_words(tuple((t.key, t.code, tuple(sorted(t.names.items()))) for t in topics))


@cache
def _ready_words() -> Named:
    return topic_words(list(READY))


@lru_cache(1_000)
def _topic_words(
    topics: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...],
) -> Named:
    tables = [languages.phrases_of(one).get("replies", {}) for one in languages.languages_present()]
    found: dict[str, str] = {}
    for key, code, names in topics:
        ready = [name for table in tables for name in table.get("topics", {}).get(key, ())]
        for name in (code, *(name for _, name in names), *ready):
            if said := " ".join(words_of(folded(name))):
                found.setdefault(said, f"topic/{key}")
    return Named(found, frozenset(word for name in found for word in name.split()))
