"""Hearing a stop: single words count when they are all that is said (a whole clause, courtesies
aside), wordings such as "stop sending me" wherever they stand, unless denied.

A missed stop breaks the law, a false one loses a customer (P2).
"""

from collections.abc import Iterator

from ringdove.rules.replies.words import Named, Words

TOPIC_VERB_WORDS_MAX = 3  # "no more surveys"
SAID_LAST = frozenset({"stop", "стоп"})  # "why do you write? STOP"
DENIED_WORDS_BEFORE = 3  # "I don't want to stop getting …"


def stop_scope(
    clauses: list[list[str]], said: list[str], words: Words, own: frozenset[str], is_keyword: bool
) -> str:
    """What is to stop, or nothing. `own`: words of the person's own language; `is_keyword`:
    whether a stop in capitals opens the text."""
    if words.not_stop.lists_in(said):
        meant = [clause for clause in clauses if not words.not_stop.lists_in(clause)]
        if len(meant) == len(clauses):  # said over several: "stop! I forgot the lamp"
            meant = [clause for clause in clauses[-1:] if not SAID_LAST.isdisjoint(clause)]
        clauses = meant
        said = [word for clause in clauses for word in clause]
    if not said:
        return ""
    core = core_of(said, words)
    if core in words.stop_alone or core in own:
        return "marketing"
    whole = [said] if len(clauses) > 1 else []
    scopes = [scope for clause in [*clauses, *whole] if (scope := _clause_scope(clause, words))]
    if "all" in scopes:
        return "all"
    if scopes:
        return scopes[0]
    heard = is_keyword or any(_inside(clause, words) for clause in clauses)
    return "marketing" if heard else ""


def is_ruled_out(said: list[str], words: Words) -> bool:
    """Whether stopping is spoken of and denied: "don't stop", "why did you stop"."""
    denied = not words.stop.isdisjoint(said) and not words.denials.isdisjoint(said)
    return denied or bool(words.not_stop.lists_in(said))


def topic_left(clauses: list[list[str]], words: Words, named: Named, own: frozenset[str]) -> str:
    """As in "stop loyalty", "STOP 3 please": that topic, when it is the only stop that is said."""
    if not any(word in named.words for said in clauses for word in said):
        return ""
    scopes = []
    for said in clauses:
        topic = topic_of(said, words, named, words.stop) or topic_of(said, words, named, own)
        if scope := topic or _clause_scope(said, words):
            scopes.append(scope)
    return scopes[0] if len(scopes) == 1 and scopes[0].startswith("topic/") else ""


def topic_of(said: list[str], words: Words, named: Named, verbs: frozenset[str]) -> str:
    """The topic that is named right after such a verb, courtesies aside."""
    rest = [word for word in said if word in named.words or word not in words.courtesies]
    for size in range(min(len(rest) - 1, TOPIC_VERB_WORDS_MAX), 0, -1):
        if " ".join(rest[:size]) in verbs:
            return named.phrases.get(" ".join(rest[size:]), "")
    return ""


def opens_with_keyword(text: str, first: str, words: Words) -> bool:
    """Capitals, as in "STOP I am driving", set it apart from a sentence such as "stop by …"."""
    opening, *rest = text.split()
    followed_by_sentence = any(letter.islower() for letter in "".join(rest))
    return opening.isupper() and followed_by_sentence and first in words.stop


def _clause_scope(clause: list[str], words: Words) -> str:
    """As in "stop", "stop all please", "stop 12345": a stop word and nothing that changes it."""
    if words.stop_words.isdisjoint(clause):
        return ""
    core = core_of(clause, words)
    if any(one in words.stop for one in cores_of(clause, words)):
        return "all" if _names_everything(clause, words) else "marketing"
    rest = [word for word in core.split(" ") if word not in words.everything]
    if len(rest) < len(core.split(" ")) and " ".join(rest) in words.stop:
        return "all"
    verb, _, number = core.rpartition(" ")
    return number if verb in words.stop and number.isdigit() else ""


def _names_everything(clause: list[str], words: Words) -> bool:
    return any(word in words.everything for word in clause)


def _inside(clause: list[str], words: Words) -> bool:
    return any(not _is_denied(clause, at, words) for at, _ in words.stop_inside.places_in(clause))


def _is_denied(clause: list[str], at: int, words: Words) -> bool:
    """ "No thanks, …" denies nothing; what begins with a denial itself ("never do not text me") is
    not turned round by one more."""
    if clause[at] in words.denials:
        return False
    before = range(max(at - DENIED_WORDS_BEFORE, 0), at)
    return any(
        clause[n] in words.denials and "thanks" not in words.intents.lists_in([clause[n + 1]])
        for n in before
    )


def core_of(said: list[str], words: Words) -> str:
    """What remains without courtesies; all of it when courtesies are all that was said."""
    rest = [word for word in said if word not in words.courtesies] or said
    once = [word for n, word in enumerate(rest) if n == 0 or rest[n - 1] != word]
    return " ".join(once)  # "stop stop" is "stop"


def cores_of(said: list[str], words: Words) -> Iterator[str]:
    """All that is said, without its courtesies: anywhere, or only before and after ("dar de baja"
    and "go away" hold one)."""
    yield core_of(said, words)
    begin, end = 0, len(said)
    while begin < end and said[begin] in words.courtesies:
        begin += 1
    yield " ".join(said[begin:])
    while end > begin and said[end - 1] in words.courtesies:
        end -= 1
    yield " ".join(said[begin:end])
    yield " ".join(said[:end])
