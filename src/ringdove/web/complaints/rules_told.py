"""What is told of ordering and complaining when somebody asks by text: no internet needed (R32).

In each language of the store its own words, or the ready ones; shown as they would arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.responses import Response

from ringdove.records.store import policies
from ringdove.rules import texts
from ringdove.rules.conversations import shop_rules
from ringdove.rules.conversations.shop_rules import LETTERS_MAX, SUBJECTS, VARIABLES, Subject
from ringdove.rules.policy import Policy
from ringdove.rules.scenes import Store
from ringdove.web.forms import Filled, read_form
from ringdove.web.sending.counting import Size, size_of
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import MarketerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/rules-told", include_in_schema=False)

PARTS_MAX = 4


class RulesForm(Filled):
    order: tuple[Annotated[str, StringConstraints(max_length=LETTERS_MAX)], ...] = ()
    complaint: tuple[Annotated[str, StringConstraints(max_length=LETTERS_MAX)], ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """The rules of one subject in one language: as typed, and as they arrive."""

    subject: Subject
    language: str
    name: str
    typed: str
    ready: str
    size: Size
    wrong: str


@router.get("")
async def show(page: MarketerPage) -> Response:
    """Both, in each language."""
    return _render(page, page.store.policy.rules_told)


@router.post("")
async def save(page: MarketerPage) -> Response:
    """From now on these are told; where nothing is written, the ready ones."""
    form = await read_form(page.request, RulesForm, page.say)
    told: dict[str, dict[str, str]] = {
        one: _by_language(page.store, form.values.get(one, ())) for one in SUBJECTS
    }
    if form.filled is None or any(one.wrong for one in words_of(page, told)):
        return _render(page, told, 422)
    await put(page, told)
    return page.go(f"{page.home}/rules-told", page.say.gettext("Saved."))


def _by_language(store: Store, typed: Any) -> dict[str, str]:
    pairs = zip(store.languages, typed, strict=False)
    return {language: said for language, one in pairs if (said := str(one).strip())}


def _render(page: StorePage, told: Mapping[str, Mapping[str, str]], status: int = 200) -> Response:
    return page.render(
        "complaints/rules_told.html", status, words=words_of(page, told), letters_max=LETTERS_MAX
    )


def words_of(page: StorePage, told: Mapping[str, Mapping[str, str]]) -> list[Words]:
    """As they would arrive from this store."""
    found = []
    for subject in SUBJECTS:
        for language in page.store.languages:
            typed = told.get(subject, {}).get(language, "")
            ready = shop_rules.ready_words(subject, language)
            wrong = why_not(typed)
            said = filled(page.store, ready if wrong else typed or ready)
            name = LANGUAGE_NAMES.get(language, language)
            if not wrong and texts.measure(said).parts > PARTS_MAX:
                wrong = page.say.gettext(
                    "It is longer than %(num)s parts: nobody reads it.", num=PARTS_MAX
                )
            found.append(Words(subject, language, name, typed, ready, size_of(said, ()), wrong))
    return found


def why_not(words: str) -> str:
    """What is wrong with a template; "": nothing."""
    return "; ".join(texts.check(words, VARIABLES)) if words else ""


def filled(store: Store, words: str) -> str:
    """The text with the store's own values."""
    shop = {
        "name": store.name, "url": store.website, "phone": store.phone, "email": store.email
    }  # fmt: skip
    return texts.render(words, {"shop": shop})


async def put(page: StorePage, told: Mapping[str, Mapping[str, str]]) -> None:
    """Keeps them with the policy."""

    def to(known: Policy) -> Policy:
        return replace(known, rules_told={one: dict(some) for one, some in told.items() if some})

    async with page.transaction() as tx:
        await policies.change(tx, page.store, to, page.runtime.clock())
        await page.audit(tx, "rules_told.changed", page.store.name)
