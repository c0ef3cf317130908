"""What a text from a person means. A stop comes before all else, then what was asked for, then
what people write of their own; what nobody can be sure of is for people to read (P2, N8).

Words alone, on this machine: nothing of a text leaves it.
"""

from collections.abc import Sequence

from ringdove.rules import languages
from ringdove.rules.policy import Topic
from ringdove.rules.replies import stops
from ringdove.rules.replies.intents import Reply, contest_word, meant, number_in
from ringdove.rules.replies.likely import likely
from ringdove.rules.replies.ratings import Scale, read_rating
from ringdove.rules.replies.words import (
    READ_LETTERS_MAX,
    READY,
    Words,
    clauses_of,
    topic_words,
    words_of_all_languages,
)

SIX = Scale()
LIKELY = 0.7  # below it a person reads it (decision 0068)
LIKELY_ELSE = 0.85  # in an answer to a question, and where a word of stopping was looked at
LIKELY_ASKED = 0.85  # of a stop that is put as a question
LIKELY_WORDS_MIN = 2


def read(
    text: str,
    *,
    awaiting: str | None = None,
    language: str | None = None,
    topics: Sequence[Topic] = READY,
    contests: Sequence[str] = (),
    scale: Scale = SIX,
) -> Reply:
    """The meaning of a text. While a question awaits an answer, a yes is that answer, no start;
    where it awaits a "rating", a number on the `scale` is one, and a number that is not, or two,
    are unsure. `topics`: those of the store, which can be left by their code or name; `contests`:
    the words of those that are open."""
    text = text[:READ_LETTERS_MAX]
    words = words_of_all_languages()
    clauses = clauses_of(text, words)
    said = [word for clause in clauses for word in clause]
    known = _told_at_once(text, clauses, said, words, language, topics)
    if known and known.intent == "stop":
        return known
    if word := contest_word(text, said, words, contests):
        return Reply("contest", value=word)
    if awaiting == "rating" and (rating := _rated(text, scale)):
        return rating
    if known and known.value == "yes" and awaiting:
        return Reply("other", value="yes")
    heard = known or meant(text, said, words)
    if len(said) < LIKELY_WORDS_MIN or heard.scope:
        return heard
    if heard.intent == "thanks":  # "cancel these alerts, thanks"
        told = _likely(text, said, words, LIKELY_ELSE)
        return told if told and told.intent == "stop" else heard
    if heard.intent not in ("other", "unsure"):
        return heard
    is_doubtful = awaiting or not words.stop.isdisjoint(said)
    return _likely(text, said, words, LIKELY_ELSE if is_doubtful else LIKELY) or heard


def _likely(text: str, said: list[str], words: Words, enough: float) -> Reply | None:
    """Where no list knows it, what it most likely is, if that is likely enough."""
    intent, likelihood = likely(said)
    if likelihood < enough:
        return None
    match intent:
        case "stop":
            # Most questions are of something: "do you speak Polish?" was guessed to be a stop.
            is_asked = "?" in text and likelihood < LIKELY_ASKED
            is_ruled_out = is_asked or stops.is_ruled_out(said, words)
            return None if is_ruled_out else Reply("stop", "marketing")
        case "order_status" | "complaint":
            return Reply(intent, "", number_in(text))
        case _:
            return None


def _told_at_once(
    text: str, clauses: list[list[str]], said: list[str], words: Words,
    language: str | None, topics: Sequence[Topic],
) -> Reply | None:  # fmt: skip
    """Stop, start, yes or help; none of them: nothing."""
    if not said:
        return Reply("help") if text.strip() == "?" else None
    named = topic_words(topics)
    own = words.stop_own.get(languages.base_of(language), frozenset())
    if topic := stops.topic_left(clauses, words, named, own):
        return Reply("stop", topic)
    is_keyword = stops.opens_with_keyword(text, said[0], words)
    if scope := stops.stop_scope(clauses, said, words, own, is_keyword):
        return Reply("stop", scope)
    if words.told_words.isdisjoint(said):
        return None
    core = stops.core_of(said, words)
    if any(one in words.start for one in stops.cores_of(said, words)):
        return Reply("start")
    if core in words.pause:
        return Reply("stop", "pause")
    if topic := stops.topic_of(said, words, named, words.start):
        return Reply("start", topic)
    if core in words.yes:
        return Reply("start", value="yes")
    return Reply("help") if core in words.help else None


def _rated(text: str, scale: Scale) -> Reply | None:
    rating = read_rating(text, scale)
    if rating.why_not == "none":
        return None
    return Reply("unsure" if rating.score is None else "rating", value=_shown(rating.score))


def _shown(score: int | None) -> str:
    return "" if score is None else str(score)
