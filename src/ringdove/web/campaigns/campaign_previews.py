"""The words of a campaign as one of its people would read them, before they go (R25, R26).

Values are the person's own; links and codes are samples of the true length, so that parts are
counted right. Nothing is made or sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from ringdove.rules import texts
from ringdove.rules.automations import samples
from ringdove.rules.campaigns import campaigns
from ringdove.rules.campaigns.campaigns import Plan, link_name
from ringdove.rules.consent import stop_links
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.links import links
from ringdove.rules.offers import offers, rewards
from ringdove.rules.surveys import asking
from ringdove.rules.surveys.surveys import Survey
from ringdove.rules.texts import Swap
from ringdove.web.sending.composer import with_way_out
from ringdove.web.sending.counting import Size, size_of

TOKEN = "0" * links.SHORT.signs
_NOBODY = 1


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads along; without an id somebody made up."""

    id: int = 0
    name: str = ""
    phone: str = ""
    language: str = ""  # in which they are written to
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it will arrive, or what keeps it from arriving."""

    said: str
    wrong: tuple[str, ...] = ()
    size: Size | None = None  # of a text message
    with_way_out: str = ""  # a text that says no way out (R5): with one
    price: Decimal | None = None

    @property
    def parts(self) -> int:
        """Of a text message; of a letter none."""
        return self.size.parts if self.size else 0


def values_of(
    page: Any,
    plan: Plan,
    offer: Reward | None,
    reader: Reader,
    language: str,
    survey: Survey | None = None,
) -> dict[str, Any]:
    """All that a text can name, for this reader. `page`: also a Caller."""
    store, runtime = page.store, page.runtime
    address = runtime.settings.outside_url
    name = reader.name if reader.id else samples.NAMES.get(language, samples.NAMES["en"])[0]
    keyed = partial(runtime.keyed, store.id)
    person = reader.id or _NOBODY
    found: dict[str, Any] = {
        "shop": {
            "name": store.name, "url": store.website, "phone": store.phone, "email": store.email,
        },
        "customer": {"name": name, "first_name": name.partition(" ")[0]},
        "field": {key: str(value) for key, value in (reader.fields or {}).items()},
        "stop_url": stop_links.url_of(address, store.id, person, keyed),
        "offer": _offer(page, offer, language),
        "survey": _survey(page, survey, language),
    }  # fmt: skip
    for number in range(len(plan.links)):
        found[link_name(number)] = links.url_of(store, address, TOKEN)
    return found


def _survey(page: Any, survey: Survey | None, language: str) -> dict[str, str]:
    if survey is None:
        return {}
    prefix = links.form_prefix_of(page.store, page.runtime.settings.outside_url)
    return {**asking.values(survey, language), "link": prefix + TOKEN}


def _offer(page: Any, offer: Reward | None, language: str) -> dict[str, str]:
    if offer is None:
        return {}
    code = offer.code
    if offer.source != "common":
        code = rewards.own_code(offer.prefix, "7" * 24)
    store, now = page.store, page.runtime.clock()
    told = offers.values(offer, language, store.currency, store.time_zone, now)
    link = f"{page.runtime.settings.outside_url}/only/1-{'0' * 24}" if offer.by_link else ""
    return {"code": code, "link": link, **told}


def preview_of(
    template: str, values: Mapping[str, Any], language: str, field: str,
    fields: Mapping[str, Any], price: Decimal | None = None,
) -> Preview:  # fmt: skip
    """One text with these values, its size, what it lacks, and what would be cheaper. `fields`: the
    store's own; `price`: of one part."""
    if not template:
        return Preview("")
    wrong = texts.check(template, campaigns.variables_of(fields))
    if wrong:
        return Preview("", tuple(wrong))
    said = texts.render(template, values)
    if field != "sms":
        added = with_way_out(template, language) if field == "body" else ""
        return Preview(said, with_way_out=added)
    swaps: list[Swap] = texts.offers(template, values, language)
    size = size_of(said, swaps)
    cost = price * size.parts if price else None
    return Preview(said, (), size, with_way_out(template, language), cost)
