"""Every state, reason and cause that the code can write has words in every language."""

import inspect
import re

import pytest
from docs import draw

from ringdove.kit import i18n
from ringdove.records.sending import messages as message_records
from ringdove.records.sending import outbox, receipts
from ringdove.rules import languages, messages
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.consent import consent
from ringdove.smpp import session
from ringdove.web.automations.fact_words import FACTS
from ringdove.web.automations.offered import Offered
from ringdove.web.automations.step_words import Named
from ringdove.web.reasons import BECAUSE, BECAUSE_THEY, reason_words, state_words, why_words
from ringdove.web.speech import Speech, plain_speech

RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)


@pytest.fixture(params=i18n.languages())
def say(request: pytest.FixtureRequest) -> Speech:
    return plain_speech(request.param)


def reasons() -> set[str]:
    """As the code writes them: the decision, its form in SQL, receipts, ends of automations."""
    decision = inspect.getsource(consent)
    found = set(re.findall(r'(?:Drop\(|Wait\(.*, |return |else )"(\w+)"', decision))
    found |= set(re.findall(r"THEN '(\w+)'", outbox.JUDGE)) - {"said"}  # it has its outcome
    found |= set(re.findall(r"'(\w+_lost)'", message_records.GIVE_UP))
    for recipe in RECIPES.values():
        ends = (*recipe.stopped_by, *recipe.stopped_by_any)
        found |= {kind.partition("/")[0] for kind in ends}
    found |= set(FACTS)  # what a store's own automation may end with
    found |= {"no_goods", "outranked", "bought", "anew", "gone", "left"}
    found |= {"no_gateway_sms", "no_gateway_email", "past_window", "switched_off", "link_lost"}
    return found | set(draw.REASONS) | set(draw.WAITS) | set(receipts.FAILED)


def test_every_reason_has_words(say: Speech) -> None:
    """N2."""
    found = reasons()
    assert {"too_late", "stopped", "no_consent", "paid", "quiet_hours", "process_lost"} <= found
    for code in found:
        said = reason_words(say, code)
        assert said != code and said.endswith("."), code
        assert say.language != "ru" or RUSSIAN.search(said), code


def test_an_operators_own_words_are_shown(say: Speech) -> None:
    assert reason_words(say, "550 no such user") == "550 no such user"
    assert reason_words(say, "undeliverable 011").endswith(" (011)")
    assert reason_words(say, "in part: ESME_R42").endswith("ESME_R42")
    assert reason_words(say, "") == ""


def test_every_state_has_a_word(say: Speech) -> None:
    for state in messages.LIFE:
        said = state_words(say, state)
        assert said and (say.language != "ru" or RUSSIAN.search(said)), state
    assert state_words(say, "melted") == "melted"


def test_every_cause_has_words(say: Speech) -> None:
    """N2: the automation by its title, and the order by its number."""
    for recipe in RECIPES.values():
        kind = getattr(recipe.trigger, "kind", "automation.due")
        assert kind in BECAUSE or kind in BECAUSE_THEY, recipe.key
        said = why_words(say, f"automation/{recipe.key}/{kind}", order="A-42")
        assert languages.phrases(say.language)["recipes"][recipe.key]["title"] in said
        assert ("A-42" in said) is (kind in BECAUSE)
        assert "A-42" not in why_words(say, f"automation/{recipe.key}/{kind}")
    assert "own_1" in why_words(say, "automation/own_1/visit.made")
    for text in languages.phrases("en")["answers"]:
        assert why_words(say, f"reply/{text}") != f"reply/{text}", text
    assert "Anna" in why_words(say, "page/Anna") and "till" in why_words(say, "api/till")
    assert why_words(say, "contest/7") != "contest/7"
    for unknown in ("melted", "automation/none/order.placed", "reply/none", ""):
        assert why_words(say, unknown) == unknown


def test_why_there_is_no_link_is_told_without_the_machine_s_numbers(say: Speech) -> None:
    for told in (
        "[Errno -2] Name or service not known",
        "[Errno 111] Connect call failed ('127.0.0.1', 2775)",
        "[Errno 113] No route to host",
    ):
        assert "Errno" not in reason_words(say, told) and reason_words(say, told) != told
    for told in ("the peer closed the link", "the peer unbound", "no answer to enquire_link"):
        assert told in inspect.getsource(session) and reason_words(say, told) != told
    assert reason_words(say, "[Errno 9999] Something new") == "[Errno 9999] Something new"


def test_lists_say_words_and_lose_nothing(say: Speech) -> None:
    """A topic of a ready automation has a name, and so has what ends one; what a program chose and
    the page does not offer stays chosen."""
    offered = Offered(say, Named())
    for recipe in RECIPES.values():
        [(key, said)] = offered.topics(recipe.topic)
        assert key == recipe.topic and said != key, "a raw key"
    assert "fact:order.removed" not in dict(offered.triggers()[0][1]), "of it none begins"
    for kind in ("order.removed", "order.changed"):
        assert f"fact:{kind}" in dict(offered.triggers(f"fact:{kind}")[0][1])
