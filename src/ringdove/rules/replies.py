"""What a text from a person means: stop, start, help, or something for people to read.

A missed stop breaks the law, a false one loses a customer: single words count when they are all
that is said (a whole clause, courtesies aside), wordings such as "stop sending me" wherever they
stand, unless denied. The words lie in locales/<language>/phrases.toml under [replies]; a reply is
read in all languages at once, since people stop in whichever comes first (P2, N8). Wordings use
`*` for any ending, `(a|b)` for a choice and `~` for up to four words between.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from ringdove.rules import languages
from ringdove.rules.policy import DEFAULT, Topic
from ringdove.rules.texts import LOOK_ALIKES

Intent = Literal["stop", "start", "help", "other"]

READ_LETTERS_MAX = 1_000
READY = DEFAULT.topics
TOPIC_VERB_WORDS_MAX = 3  # "no more surveys"
DENIED_WORDS_BEFORE = 3  # "I don't want to stop getting …"


@dataclass(frozen=True, slots=True)
class Reply:
    """`scope` of a stop: marketing, all, pause, topic/loyalty, or the number named; of a start one
    topic, or nothing. `value`: "yes" when that was said."""

    intent: Intent
    scope: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """The lists of all languages together."""

    stop: frozenset[str]  # said in one clause
    stop_alone: frozenset[str]  # said and nothing else: "end", "cancel"
    stop_own: Mapping[str, frozenset[str]]  # only from who is written to in this language
    stop_inside: re.Pattern[str]
    not_stop: re.Pattern[str]
    denials: frozenset[str]
    everything: frozenset[str]
    courtesies: frozenset[str]
    pause: frozenset[str]
    start: frozenset[str]
    yes: frozenset[str]
    help: frozenset[str]
    vocabulary: frozenset[str]


def read(
    text: str,
    *,
    awaiting: str | None = None,
    language: str | None = None,
    topics: Sequence[Topic] = READY,
) -> Reply:
    """The meaning of a text. While a survey awaits an answer, a yes is that answer, no start.
    `topics`: those of the store, which can be left by their code or name."""
    words = words_of_all_languages()
    clauses = _clauses(text[:READ_LETTERS_MAX], words)
    said = [word for clause in clauses for word in clause]
    if not said:
        return Reply("help" if text.strip() == "?" else "other")
    named = topic_words(topics)
    if topic := _topic_left(clauses, words, named):
        return Reply("stop", topic)
    if scope := _stop_scope(
        clauses, said, words, language, _opens_with_keyword(text, said[0], words)
    ):
        return Reply("stop", scope)
    core = _core(said, words)
    if core in words.start:
        return Reply("start")
    if core in words.pause:
        return Reply("stop", "pause")
    if topic := _topic_of(said, words, named, words.start):
        return Reply("start", topic)
    if core in words.yes:
        return Reply("other" if awaiting else "start", value="yes")
    return Reply("help" if core in words.help else "other")


# Hearing a stop


def _stop_scope(
    clauses: list[list[str]], said: list[str], words: Words, language: str | None, keyword: bool
) -> str:
    """What is to stop, or nothing."""
    if words.not_stop.search(_line(said)):
        return ""
    own = words.stop_own.get(languages.base_of(language), frozenset())
    if _core(said, words) in words.stop_alone | own:
        return "marketing"
    scopes = [scope for clause in [*clauses, said] if (scope := _clause_scope(clause, words))]
    if "all" in scopes:
        return "all"
    if scopes:
        return scopes[0]
    heard = keyword or any(_inside(clause, words) for clause in clauses)
    return "marketing" if heard else ""


def _topic_left(clauses: list[list[str]], words: Words, named: Mapping[str, str]) -> str:
    """As in "stop loyalty", "STOP 3 please": that topic, when every stop that is said names one."""
    left = [topic for said in clauses if (topic := _topic_of(said, words, named, words.stop))]
    others = any(_clause_scope(said, words) for said in clauses)
    return left[0] if len(left) == 1 and not others else ""


def _topic_of(
    said: list[str], words: Words, named: Mapping[str, str], verbs: frozenset[str]
) -> str:
    """The topic that is named right after such a verb, courtesies aside."""
    named_words = {word for name in named for word in name.split()}
    rest = [word for word in said if word in named_words or word not in words.courtesies]
    for size in range(min(len(rest) - 1, TOPIC_VERB_WORDS_MAX), 0, -1):
        if " ".join(rest[:size]) in verbs:
            return named.get(" ".join(rest[size:]), "")
    return ""


def _opens_with_keyword(text: str, first: str, words: Words) -> bool:
    """Capitals, as in "STOP I am driving", set it apart from a sentence such as "stop by …"."""
    opening, *rest = text.split()
    followed_by_sentence = any(letter.islower() for letter in "".join(rest))
    return opening.isupper() and followed_by_sentence and first in words.stop


def _clause_scope(clause: list[str], words: Words) -> str:
    """As in "stop", "stop all please", "stop 12345": a stop word and nothing that changes it."""
    core = _core(clause, words)
    if core in words.stop:
        return "all" if _names_everything(clause, words) else "marketing"
    rest = [word for word in core.split(" ") if word not in words.everything]
    if len(rest) < len(core.split(" ")) and " ".join(rest) in words.stop:
        return "all"
    verb, _, number = core.rpartition(" ")
    return number if verb in words.stop and number.isdigit() else ""


def _names_everything(clause: list[str], words: Words) -> bool:
    return any(word in words.everything for word in clause)


def _inside(clause: list[str], words: Words) -> bool:
    line = _line(clause)
    for found in words.stop_inside.finditer(line):
        before = line[: found.start()].split()[-DENIED_WORDS_BEFORE:]
        if not words.denials & set(before):
            return True
    return False


def _core(said: list[str], words: Words) -> str:
    """What remains without courtesies; all of it when courtesies are all that was said."""
    rest = [word for word in said if word not in words.courtesies]
    return " ".join(rest or said)


def _line(said: list[str]) -> str:
    return " ".join(said)


# From letters to words

_ADDRESS = re.compile(r"\S+(?:://|@)\S+")
_WHOLE_WORD = re.compile(r"(?<![\w'-])[\w'-]+(?![\w'*-])")
_CLAUSE_END = re.compile(r"[.,;:!?…\n\r()\"“”«»|/+]+|\s[-–—]+\s")
_WORD = re.compile(r"[^\W_]+(?:['’`-][^\W_]+)*")
_MARKS = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")  # й and ў keep theirs
_TO_LATIN = str.maketrans(LOOK_ALIKES | {"0": "O"})
_TO_CYRILLIC = str.maketrans(
    {latin: letter for letter, latin in LOOK_ALIKES.items() if "\u0400" <= letter <= "\u04ff"}
    | {"0": "О"}
)


def _clauses(text: str, words: Words) -> list[list[str]]:
    if "VCARD" in text.upper():  # a contact card ends with "END:VCARD"
        return []
    plain = _ADDRESS.sub(" ", _without_accents(text))
    if re.fullmatch(r"\W*(?:[^\W\d_][\W_]+){2,}[^\W\d_]\W*", plain):  # S.T.O.P
        plain = "".join(letter for letter in plain if letter.isalpha())
    clauses = [_words(clause, words) for clause in _CLAUSE_END.split(plain)]
    return [clause for clause in clauses if clause]


def _without_accents(text: str) -> str:
    plain = "".join(
        x for x in unicodedata.normalize("NFKC", text) if unicodedata.category(x) != "Cf"
    )
    plain = _MARKS.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFC", plain).replace("ё", "е").replace("Ё", "Е").replace("ł", "l")


def _words(clause: str, words: Words) -> list[str]:
    found = []
    for word in _WORD.findall(clause):
        pieces = [_familiar(piece, words) for piece in word.split("-")]
        # "stop-sms" is two words, "non-stop" is one of its own.
        if len(pieces) > 1 and not set(pieces) <= words.vocabulary - words.denials:
            pieces = ["-".join(pieces)]
        found += pieces
    return found


def _familiar(word: str, words: Words) -> str:
    """The word as a list has it, though some letters come from another alphabet."""
    upper = word.upper()
    for spelling in (word, upper.translate(_TO_LATIN), upper.translate(_TO_CYRILLIC)):
        lower = re.sub(r"(.)\1{2,}", r"\1", spelling.lower().replace("’", "'").replace("`", "'"))
        if lower in words.vocabulary:
            return lower
    return word.lower().replace("’", "'").replace("`", "'")


# The lists


@cache
def words_of_all_languages() -> Words:
    tables = {name: languages.phrases_of(name) for name in languages.languages_present()}
    return gather({name: table.get("replies", {}) for name, table in tables.items()})


def gather(tables: Mapping[str, Mapping[str, Any]]) -> Words:
    """The lists of several languages as one; keys of `tables` are the languages."""

    def listed(key: str) -> frozenset[str]:
        return frozenset(_folded(x) for table in tables.values() for x in table.get(key, ()))

    own = {
        name: frozenset(map(_folded, table.get("stop_own", ()))) for name, table in tables.items()
    }
    literal = (
        "stop", "stop_alone", "denials", "everything", "courtesies", "pause", "start", "yes", "help",
    )  # fmt: skip
    lists = {key: listed(key) for key in literal}
    wordings = listed("stop_inside") | listed("not_stop")
    topics = {
        _folded(name)
        for table in tables.values()
        for names in table.get("topics", {}).values()
        for name in names
    }
    phrases = set().union(*lists.values(), *own.values(), topics)
    vocabulary = {word for phrase in phrases for word in phrase.split()}
    vocabulary |= {word for wording in wordings for word in _WHOLE_WORD.findall(wording)}
    return Words(
        **lists,
        stop_own=own,
        stop_inside=_any_of(listed("stop_inside")),
        not_stop=_any_of(listed("not_stop")),
        vocabulary=frozenset(vocabulary),
    )


def topic_words(topics: Sequence[Topic]) -> Mapping[str, str]:
    """What a topic is called, by everything that people may write for it: its code, its names, the
    ready words of every language."""
    return _topic_words(tuple((t.key, t.code, tuple(sorted(t.names.items()))) for t in topics))


@lru_cache(1_000)
def _topic_words(
    topics: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...],
) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key, code, names in topics:
        ready = [
            name
            for language in languages.languages_present()
            for name in languages.phrases_of(language).get("replies", {}).get("topics", {}).get(key, ())
        ]
        for name in (code, *(name for _, name in names), *ready):
            if name:
                said = " ".join(_WORD.findall(_folded(name)))
                found.setdefault(said, f"topic/{key}")
    return found


def _folded(phrase: str) -> str:
    return _without_accents(phrase).lower()


def _any_of(wordings: Iterable[str]) -> re.Pattern[str]:
    if not (patterns := sorted(_pattern(wording) for wording in wordings)):
        return re.compile(r"(?!)")
    return re.compile(rf"(?<!\S)(?:{'|'.join(patterns)})(?!\S)")


def _pattern(wording: str) -> str:
    pattern = wording.replace("(", "(?:").replace("*", r"\S*")
    return pattern.replace(" ~ ", r"(?: \S+){0,4} ")
