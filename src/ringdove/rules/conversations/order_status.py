"""Where is my order: answered at once from what is known, in the asker's language (R86, R32).

Only from the number at which they are reached, and only of their own orders. What a machine cannot
put right (there is no such order, it is late or lost) it says, and asks a person to look.
"""

from datetime import datetime

from ringdove.rules.conversations import inbox, order_words, purchases, which
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.scenes import Scene

DIGITS_MIN = 3  # of a number that stands alone: fewer are a score or a place in a list


def answers(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Says where the order is that they ask about, or asks which."""
    number = _number(heard)
    if number is None or not heard.is_own:
        return False
    theirs = purchases.of_person(scene, heard.person)
    named = [one for one in theirs if number and one.is_called(number)]
    if number and not named and heard.reply.intent != "order_status":
        return False  # a number that is nothing of theirs: a person reads it
    found = named[:1] if number else purchases.waited_for(theirs, now)
    if len(found) > 1:
        which.ask(scene, heard, found, now)
    elif found:
        if not order_words.tell(scene, heard.person, found[0], now):
            inbox.wait_for_person(scene, heard)
    else:
        text = "order_unknown" if number else "no_order"
        asked = {"asked": {"number": number}}
        reply_with(scene, heard.person, text, order_words.TOPIC, now, asked)
        inbox.wait_for_person(scene, heard)
    return True


def _number(heard: Heard) -> str | None:
    """The number that they name; "": they ask and name none; None: they do not ask."""
    if heard.reply.intent == "order_status":
        return heard.reply.value
    said = heard.fact.body.strip()
    is_bare = len(said) <= purchases.NUMBER_LETTERS_MAX and len(said.split()) <= 2
    is_number = sum(letter.isdigit() for letter in said) >= DIGITS_MIN
    return said if heard.reply.intent in ("other", "unsure") and is_bare and is_number else None
