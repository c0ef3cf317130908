"""What a text from a person means: stop, start, help, or something for people to read.

A missed stop breaks the law, a false one loses a customer: single words count when they are all
that is said (a whole clause, courtesies aside), wordings such as "stop sending me" wherever they
stand, unless denied. The words lie in locales/<language>/phrases.toml under [replies]; a reply is
read in all languages at once, since people stop in whichever comes first (P2, N8). Wordings use
`*` for any ending, `(a|b)` for a choice and `~` for up to four words between.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from ringdove.rules import languages
from ringdove.rules.policy import DEFAULT, Topic
from ringdove.rules.texts import LOOK_ALIKES

# `rating`: only where a question waits for one; `contest`: only words that a contest of the store
# asks for; `rules`: how does ordering, or complaining, work; `unsure`: it could be this or that.
Intent = Literal[
    "stop", "start", "help", "rating", "order_status", "complaint", "rules", "contest", "thanks",
    "other", "unsure",
]  # fmt: skip

READ_LETTERS_MAX = 1_000
READY = DEFAULT.topics
TOPIC_VERB_WORDS_MAX = 3  # "no more surveys"
DENIED_WORDS_BEFORE = 3  # "I don't want to stop getting …"


@dataclass(frozen=True, slots=True)
class Reply:
    """`scope` of a stop: marketing, all, pause, topic/loyalty, or the number named; of a start one
    topic, or nothing; of a complaint "status" when they ask what became of one, else nothing; of
    rules "order" or "complaint". `value`: "yes" when that was said; of a rating the score, of an
    order_status or complaint the number that was named, of a contest its word."""

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


@dataclass(frozen=True, slots=True)
class Named:
    """What the topics of a store are called."""

    phrases: Mapping[str, str]  # as people write it → topic/loyalty
    words: frozenset[str]  # of all of them


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
    own = words.stop_own.get(languages.base_of(language), frozenset())
    if topic := _topic_left(clauses, words, named, own):
        return Reply("stop", topic)
    if scope := _stop_scope(clauses, said, words, own, _opens_with_keyword(text, said[0], words)):
        return Reply("stop", scope)
    core = _core(said, words)
    if any(one in words.start for one in _cores(said, words)):
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
    clauses: list[list[str]], said: list[str], words: Words, own: frozenset[str], keyword: bool
) -> str:
    """What is to stop, or nothing."""
    if words.not_stop.search(_line(said)):
        return ""
    core = _core(said, words)
    if core in words.stop_alone or core in own:
        return "marketing"
    whole = [said] if len(clauses) > 1 else []
    scopes = [scope for clause in [*clauses, *whole] if (scope := _clause_scope(clause, words))]
    if "all" in scopes:
        return "all"
    if scopes:
        return scopes[0]
    heard = keyword or any(_inside(clause, words) for clause in clauses)
    return "marketing" if heard else ""


def _topic_left(clauses: list[list[str]], words: Words, named: Named, own: frozenset[str]) -> str:
    """As in "stop loyalty", "STOP 3 please": that topic, when it is the only stop that is said."""
    if not any(word in named.words for said in clauses for word in said):
        return ""
    scopes = []
    for said in clauses:
        topic = _topic_of(said, words, named, words.stop) or _topic_of(said, words, named, own)
        if scope := topic or _clause_scope(said, words):
            scopes.append(scope)
    return scopes[0] if len(scopes) == 1 and scopes[0].startswith("topic/") else ""


def _topic_of(said: list[str], words: Words, named: Named, verbs: frozenset[str]) -> str:
    """The topic that is named right after such a verb, courtesies aside."""
    rest = [word for word in said if word in named.words or word not in words.courtesies]
    for size in range(min(len(rest) - 1, TOPIC_VERB_WORDS_MAX), 0, -1):
        if " ".join(rest[:size]) in verbs:
            return named.phrases.get(" ".join(rest[size:]), "")
    return ""


def _opens_with_keyword(text: str, first: str, words: Words) -> bool:
    """Capitals, as in "STOP I am driving", set it apart from a sentence such as "stop by …"."""
    opening, *rest = text.split()
    followed_by_sentence = any(letter.islower() for letter in "".join(rest))
    return opening.isupper() and followed_by_sentence and first in words.stop


def _clause_scope(clause: list[str], words: Words) -> str:
    """As in "stop", "stop all please", "stop 12345": a stop word and nothing that changes it."""
    core = _core(clause, words)
    if any(one in words.stop for one in _cores(clause, words)):
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
    rest = [word for word in said if word not in words.courtesies] or said
    once = [word for n, word in enumerate(rest) if n == 0 or rest[n - 1] != word]
    return " ".join(once)  # "stop stop" is "stop"


def _cores(said: list[str], words: Words) -> Iterator[str]:
    """All that is said, without its courtesies: anywhere, or only before and after ("dar de baja"
    and "go away" hold one)."""
    yield _core(said, words)
    begin, end = 0, len(said)
    while begin < end and said[begin] in words.courtesies:
        begin += 1
    yield " ".join(said[begin:])
    while end > begin and said[end - 1] in words.courtesies:
        end -= 1
    yield " ".join(said[begin:end])
    yield " ".join(said[:end])


def _line(said: list[str]) -> str:
    return " ".join(said)


# From letters to words

_ADDRESS = re.compile(r"\S+(?:://|@)\S+")
_WHOLE_WORD = re.compile(r"(?<![\w'-])[\w'-]+(?![\w'*-])")
_CLAUSE_END = re.compile(r"[.,;:!?…\n\r()\"“”«»|/+]+|\s[-–—]+\s")
_WORD = re.compile(r"[^\W_]+(?:['’`-][^\W_]+)*")
_STRETCHED = re.compile(r"(.)\1{2,}")  # stoooop
_SPACED = re.compile(r"\W*(?:[^\W\d_][\W_]+){2,}[^\W\d_]\W*")  # S.T.O.P
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
    if _SPACED.fullmatch(plain):
        plain = "".join(letter for letter in plain if letter.isalpha())
    clauses = [_words(clause, words) for clause in _CLAUSE_END.split(plain)]
    return [clause for clause in clauses if clause]


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    plain = "".join(
        x for x in unicodedata.normalize("NFKC", text) if unicodedata.category(x) != "Cf"
    )
    plain = _MARKS.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFC", plain).replace("ё", "е").replace("Ё", "Е").replace("ł", "l")


def _words(clause: str, words: Words) -> list[str]:
    found = []
    for word in _WORD.findall(clause):
        pieces = [_familiar(piece) for piece in word.split("-")]
        # "stop-sms" is two words, "non-stop" is one of its own.
        if len(pieces) > 1 and not set(pieces) <= words.vocabulary - words.denials:
            pieces = ["-".join(pieces)]
        found += pieces
    return found


@lru_cache(50_000)
def _familiar(word: str) -> str:
    """The word as a list has it, though some letters come from another alphabet."""
    words = words_of_all_languages()
    upper = word.upper()
    for spelling in (word, upper.translate(_TO_LATIN), upper.translate(_TO_CYRILLIC)):
        lower = _STRETCHED.sub(r"\1", spelling.lower().replace("’", "'").replace("`", "'"))
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
        "stop", "stop_alone", "denials", "everything", "courtesies", "pause", "start", "yes",
        "help",
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
            if said := " ".join(_WORD.findall(_folded(name))):
                found.setdefault(said, f"topic/{key}")
    return Named(found, frozenset(word for name in found for word in name.split()))


def _folded(phrase: str) -> str:
    return _without_accents(phrase).lower()


def _any_of(wordings: Iterable[str]) -> re.Pattern[str]:
    if not (patterns := sorted(_pattern(wording) for wording in wordings)):
        return re.compile(r"(?!)")
    return re.compile(rf"(?<!\S)(?:{'|'.join(patterns)})(?!\S)")


def _pattern(wording: str) -> str:
    pattern = wording.replace("(", "(?:").replace("*", r"\S*")
    return pattern.replace(" ~ ", r"(?: \S+){0,4} ")
