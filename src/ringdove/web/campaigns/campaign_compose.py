"""The composer: what a campaign is for, who gets it, what it says and when it goes, on one page.

Every change is saved by itself (static/js/campaign.js sends the form, and draws what came back in
the parts that say something); without scripts a button saves. A version that somebody else has
changed meanwhile is told, never written over.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records import clicks
from ringdove.records.campaigns import campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.offers import rewards
from ringdove.records.people import own_fields
from ringdove.records.store import policies, users
from ringdove.records.surveys import surveys
from ringdove.rules.campaigns import campaign_problems
from ringdove.rules.campaigns.campaigns import Campaign, Link, Plan, channels_of, link_name, skus_in
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.segments import segments
from ringdove.rules.surveys.surveys import Survey, name_of
from ringdove.web.campaigns import campaign_audience, campaign_forms
from ringdove.web.campaigns import campaign_words as words
from ringdove.web.campaigns.campaign_forms import Draft
from ringdove.web.campaigns.campaign_previews import Preview, Reader, preview_of, values_of
from ringdove.web.campaigns.campaigns_found import CampaignId, find
from ringdove.web.segments import segment_editor, segment_view
from ringdove.web.segments.segment_names import choices_of
from ringdove.web.sending.costs import PartPrice, part_price
from ringdove.web.sending.route_words import country
from ringdove.web.store.policy_words import topics, weekdays
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)

AUTOSAVE = "x-autosave"
PERSON_MAX = 10**6
EDITABLE = ("draft", "paused")


class Conflict(Exception):
    """Somebody else has changed the campaign since the page was drawn."""

    def __init__(self, now: Campaign) -> None:
        super().__init__(now.version)
        self.now = now


@dataclass(frozen=True, slots=True)
class WordsView:
    """One field of one variant's words in a language."""

    id: str  # 0-ru-sms
    language: str
    field: str
    typed: str
    preview: Preview


@router.get("/{campaign_id}/edit")
async def show(
    page: ViewerPage,
    campaign_id: CampaignId,
    person: Annotated[int, Query(ge=0, le=PERSON_MAX)] = 0,
) -> Response:
    """The composer."""
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
    if found.state not in EDITABLE:
        return page.go(f"{page.home}/campaigns/{campaign_id}")
    return await render(page, found, Draft(found.name, found.plan, person=person))


@router.post("/{campaign_id}/edit")
async def save(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """What was typed is kept; the page with what is wrong, or on to the deed of a button."""
    given = await campaign_forms.read(page.request)
    is_auto = AUTOSAVE in page.request.headers
    try:
        kept, draft = await _keep(page, campaign_id, given)
    except Conflict as told:
        draft = campaign_forms.draft_of(
            given, told.now.name, told.now.plan, page.store.time_zone, page.say
        )
        return await render(page, told.now, draft, 409, conflict=True)
    except CampaignRefused as error:
        _why = words.refusal(page.say, error)
        if is_auto:
            async with page.transaction() as tx:
                found = await find(tx, page, campaign_id)
            return await render(page, found, Draft(found.name, found.plan), 409, refused=_why)
        return page.go(f"{page.home}/campaigns/{campaign_id}", _why)
    if is_auto or draft.errors:
        return await render(page, kept, draft, 200 if is_auto else 422)
    return page.go(_after(page, kept, draft))


def _after(page: StorePage, kept: Campaign, draft: Draft) -> str:
    here = f"{page.home}/campaigns/{kept.id}"
    what = draft.deed.partition(".")[0]
    if what == "review":
        return f"{here}/review"
    place = {"variant": "#words", "link": "#links", "person": "#words"}.get(what, "")
    return f"{here}/edit?person={draft.person}{place}"


async def _keep(page: StorePage, campaign_id: int, given: Any) -> tuple[Campaign, Draft]:
    """Saves what was typed. Raises Conflict and CampaignRefused; nothing is saved then."""
    _, now = page.say.gettext, page.runtime.clock()
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
        draft = campaign_forms.draft_of(
            given, found.name, found.plan, page.store.time_zone, page.say
        )
        if draft.deed.startswith("person."):
            asked = draft.deed.partition(".")[2]
            draft.person = int(asked) if asked.isdigit() and len(asked) < 7 else 0
        draft.plan = campaign_forms.done(
            draft.plan, draft.deed, lambda n: "ABCDEFGHIJ"[n] if n < 10 else str(n)
        )
        if draft.version != found.version:
            raise Conflict(found)
        made = await campaigns.change(
            tx, page.store.id, campaign_id, draft.name, draft.plan, page.user.id, now
        )
        kept = await find(tx, page, campaign_id)
        if made not in (found.version, found.version + 1):
            raise Conflict(kept)  # in the moment between: the transaction is undone
        if found.changed_by != page.user.id or found.changed_at.date() != now.date():
            await page.audit(tx, "campaign.changed", draft.name)
    draft.version, draft.saved_at = kept.version, now
    return kept, draft


# ------------------------------------------------------------------ drawing


async def render(
    page: StorePage, found: Campaign, draft: Draft, status: int = 200, *,
    conflict: bool = False, refused: str = "",
) -> Response:  # fmt: skip
    """The composer of a campaign as it is typed now."""
    say, plan = page.say, draft.plan
    async with page.transaction() as tx:
        choices = await choices_of(tx, page.store, say, of_campaign=found.id)
        fields = await own_fields.of_store(tx, page.store)
        offers = [one for one in await rewards.of_store(tx, page.store.id) if not one.retired]
        offer = next((one for one in offers if one.id == plan.offer), None)
        known_surveys = await surveys.load(tx, page.store.id)
        survey = known_surveys.get(plan.survey)
        price = await part_price(tx, page.store, page.runtime.clock().date())
        reader, place = await campaign_audience.reader(tx, page, plan, draft.person)
        changed_by = await _who(tx, page, found.changed_by)
        categories = list(await policies.categories(tx, page.store))
        now = page.runtime.clock()
        told = campaign_problems.problems(
            plan, page.store, now, known_segments=choices.names.segments.keys(),
            known_offers={one.id for one in offers}, known_fields=fields.keys(),
            known_goods=await clicks.products(tx, page.store, skus_in(plan)),
            known_surveys=known_surveys,
        )  # fmt: skip
    # The way out is told beside the text's preview, with a button that adds it.
    wrong = words.by_place(say, [one for one in told if one.what != "no_way_out"])
    for name, why in draft.errors.items():
        wrong.setdefault(name, []).insert(0, (why, True))
    audience = segment_editor.drawing(plan.audience)
    without = segment_editor.drawing(plan.without or segments.EVERYBODY)
    return page.render(
        "campaigns/campaign.html", status,
        campaign=found, draft=draft, plan=plan, conflict=conflict, refused=refused,
        changed_by=changed_by, wrong=wrong, blocks=_count(wrong), words=words,
        audience=audience, audience_view=segment_view.view(audience, say, choices),
        without=without, without_view=segment_view.view(without, say, choices),
        **segment_view.shared(say, choices),
        topics=topics(say, page.store), categories=categories,
        occasions=[say.gettext(one) for one in words.OCCASIONS],
        offers=[(0, say.gettext("None")), *((one.id, one.name) for one in offers)],
        languages=words.languages_of(page.store.languages),
        surveys=[
            ("", say.gettext("None")),
            *((key, name_of(one, say.language)) for key, one in known_surveys.items()),
        ],
        texts=texts_of(page, plan, offer, reader, fields, price, survey),
        samples={
            code: values_of(page, plan, offer, reader, code, survey)
            for code in page.store.languages
        },
        channels=channels_of(plan), reader=reader, place=place,
        values=_values(page, plan, offer, fields), link_name=link_name, cart_lines=_cart_lines,
        weekdays=list(enumerate(weekdays(say))), zone_at=_at(page),
        part_price=price, country_name=country(say, page.store.country),
        may_change=page.may("marketer"), is_paused=found.state == "paused",
    )  # fmt: skip


def _count(wrong: dict[str, list[tuple[str, bool]]]) -> int:
    return sum(blocks for told in wrong.values() for _, blocks in told)


async def _who(tx: Tx, page: StorePage, user_id: int | None) -> str:
    if user_id is None:
        return page.say.gettext("a program")
    if user_id == page.user.id:
        return page.say.gettext("you, in another window or by a key of yours")
    team = await users.members(tx, page.store.id)
    return next((one.name for one in team if one.id == user_id), page.say.gettext("somebody"))


def texts_of(
    page: StorePage, plan: Plan, offer: Reward | None, reader: Reader, fields: Any,
    price: PartPrice | None = None, survey: Survey | None = None,
) -> list[dict[str, list[WordsView]]]:  # fmt: skip
    """By variant and language, the fields that its channels ask for."""
    asked = [*(["sms"] if "sms" in channels_of(plan) else []),
             *(["subject", "body"] if "email" in channels_of(plan) else [])]  # fmt: skip
    found = []
    for n, variant in enumerate(plan.variants):
        by_language: dict[str, list[WordsView]] = {}
        for language in page.store.languages:
            values = values_of(page, plan, offer, reader, language, survey)
            said = variant.words.get(language)
            by_language[language] = [
                WordsView(
                    f"{n}-{language}-{one}", language, one,
                    typed := getattr(said, one) if said else "",
                    preview_of(
                        typed, values, language, one, fields, price.amount if price else None
                    ),
                )
                for one in asked
            ]  # fmt: skip
        found.append(by_language)
    return found


def _values(
    page: StorePage, plan: Plan, offer: Reward | None, fields: Any
) -> list[tuple[str, str]]:
    """What a text can know, with what it is."""
    _ = page.say.gettext
    known = [
        ("customer.first_name", _("First name")), ("customer.name", _("Whole name")),
        ("shop.name", _("Name of the shop")), ("stop_url", _("Personal link to stop")),
    ]  # fmt: skip
    for n in range(len(plan.links)):
        known.append((link_name(n), _("Personal link %(number)s", number=n + 1)))
    if offer:
        known += [("offer.code", _("Code of the offer")), ("offer.until", _("End of the offer"))]
        known += [("offer.discount", _("Discount of the offer"))] if offer.discount else []
        known += [("offer.link", _("Personal link to the offer"))] if offer.by_link else []
    if plan.survey:
        known += [("survey.question", _("Question of the survey"))]
        known += [("survey.link", _("Personal link to the survey's form"))]
    known += [(f"field.{key}", one.title) for key, one in fields.items() if not one.is_retired]
    return known


def _cart_lines(link: Link) -> str:
    """As they are typed: one good a line."""
    return "\n".join(f"{one.sku} x {one.quantity.normalize():f}" for one in link.lines)


def _at(page: StorePage) -> Any:
    """How a moment stands in an input of date and time, by the store's clock."""

    def said(at: datetime | None) -> str:
        if at is None:
            return ""
        local = at.astimezone(page.say.zone) if at.tzinfo else at
        return local.strftime("%Y-%m-%dT%H:%M")

    return said
