"""Which order: asked of who has several under way, and the answer to it heard (R86).

What was asked stands in the conversation; "2", a number of an order or the goods by name answer it.
Newer questions go before it: a score that a survey asked for later is no answer here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringdove.rules import languages, texts
from ringdove.rules.automations import wording
from ringdove.rules.conversations import inbox, order_words, purchases
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.conversations.purchases import Purchase
from ringdove.rules.effects import SaveConversation
from ringdove.rules.messages import language_of
from ringdove.rules.replies import ratings
from ringdove.rules.scenes import Contact, Conversation, Scene

KIND = "order"
LISTED_MAX = 4
WAITS_FOR = timedelta(days=2)
NAMES_LETTERS = (18, 10, 0)  # of goods: as long as one text holds
WORD_LETTERS_MIN = 3
SHARED_LETTERS_MIN = 4  # of two words that are the same but for their ends


def ask(scene: Scene, heard: Heard, found: Sequence[Purchase], now: datetime) -> None:
    """Lists the newest of them by number."""
    listed = found[:LISTED_MAX]
    said = _list(scene, heard, listed)
    if not reply_with(scene, heard.person, "which_order", order_words.TOPIC, now, {"which": said}):
        return  # what was not asked is not answered
    _remember(
        scene, heard,
        {
            "kind": KIND, "orders": [one.order.id for one in listed], "at": now.isoformat(),
            "until": (now + WAITS_FOR).isoformat(),
        },
    )  # fmt: skip


def _list(scene: Scene, heard: Heard, listed: Sequence[Purchase]) -> Mapping[str, str]:
    language = language_of(scene, heard.person)
    words = languages.phrases(language)["answers"]["which_order"]
    usual = wording.values_of(scene, heard.person, None, None, language)
    values: dict[str, str] = {}
    for letters in NAMES_LETTERS:
        lines = (_line(n, one, letters) for n, one in enumerate(listed, 1))
        values = {"list": "; ".join(lines)}
        if order_words.is_short(texts.render(words, usual | {"which": values}), language):
            break
    return values


def _line(n: int, one: Purchase, letters: int) -> str:
    first = next((line.name for line in one.order.lines or () if line.name), "")
    name = f" ({first[:letters].rstrip()})" if first and letters else ""
    return f"{n}: {one.order.number}{name}"


def _remember(scene: Scene, heard: Heard, asking: Mapping[str, Any]) -> None:
    known = scene.conversations.get(heard.person.id, Conversation(heard.person.id))
    scene.happens(SaveConversation(replace(known, asking=asking)))


# ------------------------------------------------------------------ the answer


def answers(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Whether it says which order was meant."""
    known = scene.conversations.get(heard.person.id)
    asking = known.asking if known else {}
    if asking.get("kind") != KIND or not heard.is_own:
        return False
    at, until = (datetime.fromisoformat(asking[name]) for name in ("at", "until"))
    if heard.fact.at > until or heard.reply.intent in ("complaint", "rules", "thanks"):
        return False
    if _asked_since(scene, heard.person, at):
        return False
    theirs = {one.order.id: one for one in purchases.of_person(scene, heard.person)}
    # One that is theirs no more keeps its place: "2" is what stood there as number two.
    found = _meant(heard.fact.body, [theirs.get(one) for one in asking["orders"]])
    if found is None:
        return False
    _remember(scene, heard, {})
    if not order_words.tell(scene, heard.person, found, now):
        inbox.wait_for_person(scene, heard)
    return True


def _asked_since(scene: Scene, person: Contact, at: datetime) -> bool:
    """A survey's question to them that came after ours is the one that is answered."""
    theirs = scene.askings_of((person.id, *person.also))
    return any(one.answered_at is None and one.asked_at > at for one in theirs)


# "2", "number 2", "the 2."; or "2: …" and "2) …", as the list has it.
_PLACE = re.compile(r"^\W*(?:[^\W\d]+\W+){0,2}(\d)\W*$|^\W*(\d)\s*[:.)]")
PLACE_WORDS_MAX = 3  # "2 please", "the first one": in longer ones a number may count something


def _meant(said: str, places: Sequence[Purchase | None]) -> Purchase | None:
    """By its number, by its place in the list, by its goods; None: none, or several."""
    listed, words = [one for one in places if one], said.split()
    for text in (said, *words):
        if any(letter.isdigit() for letter in text):
            named = [one for one in listed if one.is_called(text)]
            if len(named) == 1:
                return named[0]
    if n := _place(said, len(places)):
        return places[n - 1] if n <= len(places) else None
    fits = [one for one in listed if _names_goods(said, one)]
    return fits[0] if len(fits) == 1 else None


def _place(said: str, last: int) -> int:
    """The place in the list that they name; 0: none."""
    if place := _PLACE.match(said):
        return int(place[1] or place[2])
    if len(said.split()) > PLACE_WORDS_MAX:
        return 0
    return ratings.read_rating(said, ratings.Scale(1, last)).score or 0


_WORD = re.compile(r"[^\W\d_]+")


def _names_goods(said: str, one: Purchase) -> bool:
    """Whether a word of it begins as a word of the goods does: languages bend the ends of words."""
    told = {word for word in _WORD.findall(said.casefold()) if len(word) >= WORD_LETTERS_MIN}
    goods = {
        word
        for line in one.order.lines or ()
        for word in _WORD.findall(line.name.casefold())
        if len(word) >= WORD_LETTERS_MIN
    }
    return any(_is_same(a, b) for a in told for b in goods)


def _is_same(a: str, b: str) -> bool:
    shared = min(len(a), len(b))
    if shared < SHARED_LETTERS_MIN:
        return a == b
    stem = max(SHARED_LETTERS_MIN, shared - 2)
    return a[:stem] == b[:stem]
