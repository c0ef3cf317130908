"""The form of a survey behind a personal link: /s/<token> (R73, R80, R82, R88).

A page without scripts, in the customer's language. The token names the asking, and its row is the
proof. Looking is no answer, so previews and robots may look; `?score=5` chooses before, as letters
with a row of stars do. One asking is one answer, which can be changed for a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records import clicks
from ringdove.records.consent import ways_out
from ringdove.records.offers import rewards
from ringdove.records.store import stores
from ringdove.records.surveys import survey_answers
from ringdove.records.surveys import surveys as survey_records
from ringdove.rules import languages
from ringdove.rules.facts import SurveyAnswered
from ringdove.rules.links import links
from ringdove.rules.scenes import Contact, Store, SurveyAnswer
from ringdove.rules.surveys import answering, surveys
from ringdove.rules.surveys.surveys import Further, Survey
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.answering import answer_now
from ringdove.web.consent.leave import limits_of, typed_form, wrong_link
from ringdove.web.friends import share_pieces
from ringdove.web.views import runtime_of

COMMENT_MAX = 1_000
NAME_MAX = 60
TEXT_MAX = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody's asking, with all that its page shows."""

    runtime: Runtime
    store: Store
    asking: SurveyAnswer
    survey: Survey
    person: Contact
    order: str  # number of the order that it is about
    goods: str  # name of the product


async def form(request: Request) -> Response:
    """GET shows the question, or the answer that was given; POST keeps an answer."""
    runtime = runtime_of(request)
    asked = await _asked(runtime, request.path_params["token"])
    if asked is None:
        return wrong_link(request)
    language = _language(request, asked)
    may_answer = answering.may_be_given(asked.asking, runtime.clock())
    if request.method == "POST" and may_answer:
        return await _kept(request, asked, language)
    if not may_answer and asked.asking.answered_at is None:
        return shown(request, asked, language, "ended", 410)
    if asked.asking.answered_at and not (may_answer and "change" in request.query_params):
        return shown(request, asked, language, "done", code=await _code(asked))
    chosen = request.query_params.get("score", "")
    typed = _typed_before(asked.asking) | ({"score": chosen} if chosen else {})
    return shown(request, asked, language, "form", typed=typed)


async def _asked(runtime: Runtime, token: str) -> Asked | None:
    claim = links.read(token, runtime.link_key)
    if claim is None or claim.number != links.OF_FORM:
        return None
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, claim.store_id)
        asking = await survey_answers.find(tx, store, claim.message_id) if store else None
        if store is None or asking is None:
            return None
        survey = (await survey_records.load(tx, store.id)).get(asking.survey)
        person = await ways_out.person(tx, store, asking.contact_id)
        if survey is None or person is None or person.erased_at:
            return None
        order = goods = ""
        if asking.order_id:
            order = await survey_answers.order_number(tx, store, asking.order_id)
        if asking.sku and (found := await clicks.products(tx, store, [asking.sku])):
            goods = found[asking.sku].name
    return Asked(runtime, store, asking, survey, person, order, goods)


def _language(request: Request, asked: Asked) -> str:
    if request.query_params.get("lang") in asked.store.languages:
        return public.language_of(request, asked.store.languages)
    if asked.asking.language in asked.store.languages:
        return asked.asking.language
    return languages.choose(asked.person.language, asked.person.country, asked.store.languages)


# ------------------------------------------------------------------ keeping


async def _kept(request: Request, asked: Asked, language: str) -> Response:
    runtime, now = asked.runtime, asked.runtime.clock()
    given = await typed_form(request)
    limits, key = limits_of(request).deeds, f"{asked.store.id}/survey/{asked.asking.id}"
    if limits.is_closed(key, now.timestamp()):
        return shown(request, asked, language, "form", 429, typed=given, wrong="busy")
    limits.failed(key, now.timestamp())
    score = _whole(given.get("score", ""))
    if score is None or score not in asked.survey.scores:
        return shown(request, asked, language, "form", 422, typed=given, wrong="pick")
    fact = SurveyAnswered(
        id=f"form/{asked.asking.id}/{now:%Y%m%dT%H%M%S%f}",
        at=now,
        contact=asked.asking.contact_id,
        answer=asked.asking.id,
        survey=asked.survey.key,
        way="link",
        score=score,
        reason=given.get("reason", "")[:40],
        comment=given.get("comment", "").strip()[:COMMENT_MAX],
        answers=_answers(asked.survey, given),
        may_publish=given.get("publish") == "yes",
        shown_as=given.get("shown_as", "").strip()[:NAME_MAX],
    )
    await answer_now(runtime, asked.store, [fact])
    fresh = await _asked(runtime, request.path_params["token"])
    if fresh is None:  # erased this moment
        return wrong_link(request)
    return shown(request, fresh, language, "done", code=await _code(fresh))


def _answers(survey: Survey, given: Mapping[str, str]) -> dict[str, int | str]:
    """To further questions; what is no answer to one is left out."""
    found: dict[str, int | str] = {}
    for one in survey.further:
        said = given.get(f"q-{one.id}", "").strip()[:TEXT_MAX]
        number = _whole(said)
        if one.kind == "scale":
            if number is not None and one.low <= number <= one.high:
                found[one.id] = number
        elif said and (one.kind == "text" or said in {choice.key for choice in one.choices}):
            found[one.id] = said
    return found


def _whole(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= 2 else None


async def _code(asked: Asked) -> Mapping[str, Any]:
    """What the answer earned: code and day up to which it can be used; {}: nothing."""
    if not (asked.survey.reward and asked.asking.rewarded_at):
        return {}
    names = (asked.asking.contact_id, asked.person.id, *asked.person.also)
    async with db.transaction(asked.runtime.pool) as tx:
        for name in dict.fromkeys(names):
            for row in await rewards.given(tx, asked.store, name):
                if row["reward_id"] == asked.survey.reward:
                    return dict(row)
    return {}


# ------------------------------------------------------------------ the page


def _typed_before(answer: SurveyAnswer) -> dict[str, str]:
    """An answer as the form would have sent it."""
    told = {
        "score": "" if answer.score is None else str(answer.score), "reason": answer.reason,
        "comment": answer.comment, "shown_as": answer.shown_as,
        "publish": "yes" if answer.may_publish else "",
    }  # fmt: skip
    return told | {f"q-{key}": str(said) for key, said in answer.answers.items()}


def shown(
    request: Request, asked: Asked, language: str, what: str, status: int = 200, *,
    typed: Mapping[str, str] | None = None, wrong: str = "",
    code: Mapping[str, Any] | None = None,
) -> Response:  # fmt: skip
    """A page of it, `what`: form, done, ended. The editor shows it too, without a token."""
    survey, asking, store = asked.survey, asked.asking, asked.store
    said = languages.phrases(language)["public"]
    changes_until = asking.answered_at and asking.answered_at + answering.CHANGED_WITHIN
    may_change = answering.may_be_given(asking, asked.runtime.clock())
    response = public.render(
        request, f"surveys/answer_{what}.html", store, language, status=status,
        offered=store.languages, w=_words(said["survey"], asked, changes_until, language, code),
        survey=survey, answer=asking, typed=typed or {}, wrong=wrong,
        busy=said["link"]["busy"], question=surveys.question_of(survey, language),
        ends=surveys.ends_of(survey, language), thanks=surveys.thanks_of(survey, language),
        reasons=[
            (one.key, surveys.reason_name(survey, one.key, language)) for one in survey.reasons
        ],
        further=[_drawn(one, language) for one in survey.further],
        is_low=survey.is_low(asking.score), may_change=may_change,
        ways=[] if survey.is_low(asking.score) else share_pieces.ways_of_customer(
            asked.runtime, store, asking.contact_id, language
        ),
        code=(code or {}).get("code", ""), token=request.path_params.get("token", ""),
    )  # fmt: skip
    response.headers["referrer-policy"] = "no-referrer"  # the address is the person's own
    return response


def _drawn(one: Further, language: str) -> dict[str, Any]:
    return {
        "name": f"q-{one.id}", "kind": one.kind, "said": surveys.named(one.names, language),
        "scores": range(one.low, one.high + 1),
        "choices": [(choice.key, surveys.named(choice.names, language)) for choice in one.choices],
    }  # fmt: skip


def _words(
    ready: Mapping[str, str], asked: Asked, changes_until: datetime | None, language: str,
    code: Mapping[str, Any] | None,
) -> dict[str, str]:  # fmt: skip
    zone = ZoneInfo(asked.store.time_zone)
    ends = (code or {}).get("valid_until")
    local = changes_until.astimezone(zone) if changes_until else None
    values = {
        "shop": asked.store.name, "order": asked.order, "goods": asked.goods,
        "high": str(asked.survey.high),
        "n": "" if asked.asking.score is None else str(asked.asking.score),
        "code": str((code or {}).get("code", "")),
        "ends": languages.say_day(ends.astimezone(zone).date(), language) if ends else "",
        "clock": f"{local:%H:%M}" if local else "",
        "day": languages.say_day(local.date(), language) if local else "",
    }  # fmt: skip
    found = {name: _filled(text, values) for name, text in ready.items()}
    about = [found["order"]] if asked.order else []
    about += [found["goods"]] if asked.goods else []
    return found | {"about": " ".join(about), "until": found["until"] if ends else ""}


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


ROUTES: list[BaseRoute] = [Route("/s/{token}", form, methods=["GET", "POST"])]
