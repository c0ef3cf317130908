"""The editor of a survey: its scale, words, reasons and what an answer earns, with what customers
get to see while it is typed; and the way to asking somebody (R80, R81, R88)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.campaigns import campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.offers import rewards
from ringdove.records.surveys import surveys as survey_records
from ringdove.rules import languages
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.campaigns.campaigns import Plan, Variant, Words
from ringdove.rules.scenes import Contact, SurveyAnswer
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.send import Send
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import FURTHER_MAX, READY, REASONS, REASONS_MAX, Survey
from ringdove.web.automations import recipe_words
from ringdove.web.campaigns import campaign_words
from ringdove.web.campaigns.campaign_previews import Preview, Reader, preview_of, values_of
from ringdove.web.forms import FORM_BYTES_MAX, Form
from ringdove.web.sending.counting import Size, size_of
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.surveys import answer_form, survey_forms
from ringdove.web.surveys import score_words as words
from ringdove.web.surveys.surveys import SurveyKey, find, known
from ringdove.web.views import MarketerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/surveys", include_in_schema=False)

FIELDS_MAX = 2_000
Language = Annotated[str, Query(max_length=3)]


# ------------------------------------------------------------------ typing


@router.get("/new")
async def new(page: MarketerPage) -> Response:
    """One of the store's own, not kept until it is saved."""
    async with page.transaction() as tx:
        key = survey_forms.next_key(await known(tx, page.store.id))
    return await _form(page, survey_forms.blank(key), is_new=True)


@router.get("/{key}/edit")
async def edit(page: MarketerPage, key: SurveyKey) -> Response:
    """One of them as it is."""
    async with page.transaction() as tx:
        kept = await find(tx, page, key)
    return await _form(page, kept.survey, is_retired=kept.retired_at is not None)


async def _form(
    page: StorePage, survey: Survey, form: Form[Any] | None = None, **about: bool
) -> Response:
    offered = page.store.languages
    values = form or Form[Any](survey_forms.values_of(survey, offered))
    async with page.transaction() as tx:
        offers = [
            (one.id, one.name)
            for one in await rewards.of_store(tx, page.store.id)
            if not one.retired or one.id == survey.reward
        ]
    language = page.say.language
    return page.render(
        "surveys/survey_form.html",
        422 if form and form.errors else 200,
        survey=survey,
        form=values,
        **{"is_new": False, "is_retired": False} | about,
        is_ready=survey.key in READY,
        title=words.name(page.say, survey),
        languages=[(code, LANGUAGE_NAMES[code]) for code in offered],
        ready={code: _ready(survey, code) for code in offered},
        scales=[(f"{low}-{high}", _scale(page, low, high)) for low, high in _scales(survey)],
        reasons=[(key, surveys.reason_name(survey, key, language)) for key in REASONS],
        offers=offers,
        reasons_max=REASONS_MAX,
        further_max=FURTHER_MAX,
    )


def _ready(survey: Survey, language: str) -> dict[str, str]:
    """The words that stand where nothing is typed."""
    bare = survey.model_copy(update={"words": {}})
    low, high = surveys.ends_of(bare, language)
    return {
        "question": surveys.question_of(bare, language), "low": low, "high": high,
        "why": surveys.why_of(bare, language), "thanks": surveys.thanks_of(bare, language),
    }  # fmt: skip


def _scales(survey: Survey) -> Sequence[tuple[int, int]]:
    own = (survey.low, survey.high)
    return survey_forms.SCALES if own in survey_forms.SCALES else (own, *survey_forms.SCALES)


def _scale(page: StorePage, low: int, high: int) -> str:
    return page.say.gettext("from %(low)s to %(high)s", low=low, high=high)


async def _typed(page: StorePage) -> FormData:
    if int(page.request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    return await page.request.form(max_files=0, max_fields=FIELDS_MAX)


@router.post("")
async def create(page: MarketerPage) -> Response:
    """A survey of the store's own."""
    given = await _typed(page)
    async with page.transaction() as tx:
        blank = survey_forms.blank(survey_forms.next_key(await known(tx, page.store.id)))
        made, form = survey_forms.understand(page.say, given, blank, page.store.languages)
        if made is not None:
            await _save(tx, page, made)
    if made is None:
        return await _form(page, blank, form, is_new=True)
    return page.go(f"{page.home}/surveys/{made.key}", page.say.gettext("Saved."))


@router.post("/{key}")
async def save(page: MarketerPage, key: SurveyKey) -> Response:
    """It is asked so from now on; what was answered stays."""
    given = await _typed(page)
    async with page.transaction() as tx:
        kept = await find(tx, page, key)
        made, form = survey_forms.understand(page.say, given, kept.survey, page.store.languages)
        if made is not None:
            await _save(tx, page, made)
    if made is None:
        return await _form(page, kept.survey, form)
    return page.go(f"{page.home}/surveys/{key}", page.say.gettext("Saved."))


async def _save(tx: Tx, page: StorePage, made: Survey) -> None:
    await survey_records.save(tx, page.store.id, made, page.runtime.clock())
    await page.audit(tx, "survey.saved", words.name(page.say, made), key=made.key)


@router.post("/{key}/retire")
async def retire(page: MarketerPage, key: SurveyKey) -> Response:
    """Nobody is asked it any more. Ready ones stay: who does not ask them is not asked."""
    async with page.transaction() as tx:
        kept = await find(tx, page, key)
        if key in READY:
            raise HTTPException(404)
        await survey_records.retire(tx, page.store.id, key, page.runtime.clock())
        await page.audit(tx, "survey.retired", words.name(page.say, kept.survey), key=key)
    return page.go(f"{page.home}/surveys", page.say.gettext("Retired."))


# ------------------------------------------------------------------ as customers see it


@router.post("/{key}/form")
async def as_form(page: MarketerPage, key: SurveyKey, lang: Language = "") -> Response:
    """The form behind its link, with what is typed now; nothing is kept."""
    survey, language = await _now(page, key), _language(page, lang)
    at = page.runtime.clock()
    asking = SurveyAnswer(0, 0, survey.key, at, survey.until(at))
    nobody = Contact(0, None, None, at)
    asked = answer_form.Asked(page.runtime, page.store, asking, survey, nobody, "", "")
    return answer_form.shown(page.request, asked, language, "form")


@dataclass(frozen=True, slots=True)
class Said:
    """One bubble of the talk."""

    text: str
    from_store: bool = True
    size: Size | None = None
    wrong: Sequence[str] = ()


@router.post("/{key}/talk")
async def as_talk(page: MarketerPage, key: SurveyKey, lang: Language = "") -> Response:
    """The talk by text, in each language of the store, with what is typed now."""
    survey = await _now(page, key)
    talks = [(LANGUAGE_NAMES[one], one, _talk(page, survey, one)) for one in page.store.languages]
    return page.render("surveys/survey_talk.html", talks=talks)


async def _now(page: StorePage, key: str) -> Survey:
    """As it is typed; where that is not right yet, as it was."""
    given = await _typed(page)
    async with page.transaction() as tx:
        every = await known(tx, page.store.id)
    saved = every[key].survey if key in every else survey_forms.blank(key)
    made, _ = survey_forms.understand(page.say, given, saved, page.store.languages)
    return made or saved


def _language(page: StorePage, lang: str) -> str:
    return lang if lang in page.store.languages else page.store.languages[0]


def _talk(page: StorePage, survey: Survey, language: str) -> list[Said]:
    asks = asking_words(language)
    values = values_of(page, Plan(survey=survey.key), None, Reader(), language, survey)
    found: Preview = preview_of(asks.sms, values, language, "sms", {})
    talk = [Said(found.said, True, found.size, found.wrong), Said(str(survey.low_until), False)]
    after = ([surveys.why_of(survey, language)] if survey.asks_why else []) + (
        [surveys.thanks_of(survey, language)] if survey.says_thanks else []
    )
    return talk + [Said(text, True, size_of(text, ())) for text in after]


def asking_words(language: str) -> Words:
    """The words of a text that asks, whatever survey it is."""
    said: Mapping[str, str] = languages.phrases(language)["recipes"]["nps"]
    text, stop, rest = said["sms"].rpartition("{{ stop_url }}")
    asks, _, ending = text.rstrip().rpartition(" ")
    # A letter cannot be answered by a number: it leads to the form (R40).
    body = f"{asks}\n\n{{{{ survey.link }}}}\n\n{ending} {stop}{rest}"
    return Words(sms=said["sms"], subject=said["subject"], body=body)


# ------------------------------------------------------------------ asking


@router.get("/{key}/ask")
async def ask(page: MarketerPage, key: SurveyKey) -> Response:
    """Who asks it already, and a campaign to ask whom one likes."""
    async with page.transaction() as tx:
        kept = await find(tx, page, key)
        plans = await automations.plans(tx, page.store.id)
    asked_by = [
        (name, recipe_words.named(page.say, plan.journey)[0], plan.own.is_on)
        for name, plan in plans.newest.items()
        if asks(plan.journey, key) and not plan.own.is_gone
    ]
    return page.render(
        "surveys/ask.html",
        survey=kept.survey,
        title=words.name(page.say, kept.survey),
        question=surveys.question_of(kept.survey, page.say.language),
        asked_by=sorted(asked_by, key=lambda one: (not one[2], one[1])),
        is_retired=kept.retired_at is not None,
    )


def asks(journey: Journey, key: str) -> bool:
    """Whether a step of an automation asks this survey."""
    steps = (place.step for place in journey.course.values())
    return any(isinstance(step, Ask | Send) and step.survey == key for step in steps)


@router.post("/{key}/ask")
async def draft(page: MarketerPage, key: SurveyKey) -> Response:
    """A campaign's draft that asks it; whom and when is chosen there."""
    async with page.transaction() as tx:
        kept = await find(tx, page, key)
    name = page.say.gettext("Survey: %(name)s", name=words.name(page.say, kept.survey))[:80]
    try:
        async with page.transaction() as tx:
            now = page.runtime.clock()
            plan = plan_of(page, key)
            made = await campaigns.create(tx, page.store.id, name, plan, page.user.id, now)
            await page.audit(tx, "campaign.created", name)
    except CampaignRefused as error:
        return page.refuse(
            f"{page.home}/surveys/{key}/ask", campaign_words.refusal(page.say, error)
        )
    return page.go(f"{page.home}/campaigns/{made}")


def plan_of(page: Any, key: str) -> Plan:
    """A campaign that asks, in the store's languages; `page`: also a Caller."""
    topics = {one.key for one in page.store.policy.topics}
    said = {code: asking_words(code) for code in page.store.languages}
    return Plan(
        topic="surveys" if "surveys" in topics else "offers", survey=key,
        variants=(Variant(words=said),), holdout_percent=0,
    )  # fmt: skip
