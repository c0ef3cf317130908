"""An answer to a survey, whichever way it comes: kept, thanked for, and heard by automations.

A text is an answer only where it can be no other thing: a number while a question is open, words
after a low score that was asked for its reason. What is no score is asked again once, politely;
then somebody of the store is to look. A second score within an hour is a second thought; what was
answered by the form can be changed for a day. Late answers are kept, and seen to be late.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ringdove.rules import facts, languages
from ringdove.rules.automations import automations, giving, occasions
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.effects import Count, SaveAnswer
from ringdove.rules.messages import language_of
from ringdove.rules.offers import offers
from ringdove.rules.replies import Rating, Scale, read_rating
from ringdove.rules.scenes import Contact, Scene, SurveyAnswer
from ringdove.rules.surveys import asking as askings
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import Survey

CHANGED_WITHIN: Final = timedelta(days=1)
SECOND_THOUGHT: Final = timedelta(hours=1)
COMMENT_MAX: Final = 2_000
REASONS_KEPT: Final = 1_000
BRIEF_WORDS: Final = 3  # "very good, thanks" needs nobody to look at it
# What is answered elsewhere, also while a question waits.
OTHERS: Final = frozenset({"stop", "start", "help", "order_status", "rules", "contest"})
_BEGINS_WITH_NUMBER = re.compile(r"\W*\d")


# ------------------------------------------------------------------ by text


def awaits_score(scene: Scene, person: Contact, at: datetime) -> SurveyAnswer | None:
    """The asking that a number would answer now: the one that was asked last, of those that wait
    and the one that was answered within the hour. A second thought is no answer to an older one."""
    theirs = _of_person(scene, person)
    found = [one for one in theirs if askings.is_open(one, at)]
    if lately := _answered_within(theirs, at, SECOND_THOUGHT):
        found.append(lately)
    return max(found, key=lambda one: (one.asked_at, one.id), default=None)


def awaited_scale(scene: Scene, person: Contact, at: datetime) -> Scale | None:
    """The scale on which a number would be an answer now; None: it would be none. Raises Wanted."""
    asking = awaits_score(scene, person, at)
    survey = askings.survey_of(scene, asking.survey) if asking else None
    return survey.scale if survey else None


def heard(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Whether a text is an answer, or says more of one. Raises Wanted."""
    if not heard.is_own or heard.reply.intent in OTHERS - {"order_status"}:
        return False
    person, at, said = heard.person, heard.fact.at, heard.fact.body
    asking = awaits_score(scene, person, at)
    survey = askings.survey_of(scene, asking.survey) if asking else None
    rating = read_rating(said, survey.scale) if survey else Rating(None, "none", said)
    if asking and survey and rating.score is not None:
        return _scored(scene, heard, asking, survey, rating, now)
    if heard.reply.intent in OTHERS or heard.reply.scope == "status":
        return False  # a question of theirs, of how their complaint stands too
    if asking and survey and rating.why_not in ("outside", "several"):
        return asking.answered_at is None and _again(scene, asking, survey, person, now)
    if _told_more(scene, heard, now):
        return True
    if asking is None or survey is None or asking.answered_at or heard.reply.intent == "complaint":
        return False
    is_late = at > asking.asked_at + timedelta(seconds=survey.within)
    if is_late or heard.reply.intent == "thanks":
        return False
    # Words without a number: kept, asked again, and read by somebody unless they are few.
    asking = replace(asking, comment=_joined(asking.comment, said))
    scene.happens(SaveAnswer(asking))
    return _again(scene, asking, survey, person, now) and _is_brief(said)


def _scored(
    scene: Scene, heard: Heard, asking: SurveyAnswer, survey: Survey, rating: Rating, now: datetime
) -> bool:
    """A score. What asks for an order or complains counts with its score only where it begins with
    it, and is still answered by whoever answers such texts."""
    is_more = heard.reply.intent in ("order_status", "complaint")
    if is_more and not _BEGINS_WITH_NUMBER.match(heard.fact.body):
        return False
    after = replace(
        asking,
        answered_at=asking.answered_at or heard.fact.at,
        way="reply",
        score=rating.score,
        comment=_joined(asking.comment, rating.comment)[:COMMENT_MAX],
    )
    after = replace(after, reason=after.reason or reason_in(survey, after.comment))
    offer = _keep(scene, survey, asking, after, now)
    if not is_more and asking.answered_at is None:
        _thank(scene, heard.person, survey, after, offer, now)
    return not is_more


def _thank(
    scene: Scene, person: Contact, survey: Survey, answer: SurveyAnswer,
    offer: Mapping[str, str], now: datetime,
) -> None:  # fmt: skip
    """Thanks with the code that was promised; a low score is asked for its reason instead."""
    if survey.is_low(answer.score) and survey.asks_why:
        text = "survey_heard" if answer.comment else "survey_why"
    elif survey.says_thanks or offer:
        text = "survey_thanks"
    else:
        return
    _say(scene, person, survey, text, offer, now)


def _again(
    scene: Scene, asking: SurveyAnswer, survey: Survey, person: Contact, now: datetime
) -> bool:
    """One polite question more; False: it was asked already, so somebody is to look (R80)."""
    if asking.re_asked_at or not survey.re_asks:
        return False
    scene.happens(SaveAnswer(replace(asking, re_asked_at=now)))
    _say(scene, person, survey, "survey_again", {}, now)
    return True


def _told_more(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Words after a score: the reason that was asked for, or a comment of their own."""
    said, at = heard.fact.body, heard.fact.at
    found = [
        (one, survey)
        for one in _of_person(scene, heard.person)
        if one.way == "reply" and one.answered_at and one.answered_at <= at
        and at <= one.answered_at + CHANGED_WITHIN
        and (survey := askings.survey_of(scene, one.survey))
    ]  # fmt: skip
    if not found:
        return False
    answer, survey = max(found, key=lambda pair: (_awaits_reason(*pair), pair[0].answered_at))
    asked_why = _awaits_reason(answer, survey)
    if not asked_why and heard.reply.intent not in ("other", "unsure", "rating"):
        return False
    comment = _joined(answer.comment, said)
    after = replace(
        answer, comment=comment, reason=answer.reason or reason_in(survey, comment)
    )  # fmt: skip
    scene.happens(SaveAnswer(after))
    if asked_why:
        _say(scene, heard.person, survey, "survey_heard", {}, now)
    return asked_why or "?" not in said


def _awaits_reason(answer: SurveyAnswer, survey: Survey) -> bool:
    return survey.asks_why and survey.is_low(answer.score) and not answer.comment


def reason_in(survey: Survey, said: str) -> str:
    """The reason that words speak of, by how it begins in any language; "": none, or several."""
    words = said.casefold()
    found = {
        one.key
        for one in survey.reasons
        if _speaks_of(one.key, tuple(one.names.values())).search(words)
    }
    return found.pop() if len(found) == 1 else ""


@lru_cache(REASONS_KEPT)
def _speaks_of(key: str, names: tuple[str, ...]) -> re.Pattern[str]:
    """How what speaks of a reason begins, in any language."""
    found = {one.casefold() for one in names}
    for language in languages.languages_present():
        ready = languages.phrases_of(language).get("surveys", {}).get("reasons", {}).get(key, {})
        found.update(ready.get("words", ()))
    beginnings = "|".join(re.escape(one) for one in sorted(found - {""}))
    return re.compile(rf"(?<!\w)(?:{beginnings})" if beginnings else r"(?!)")


def _of_person(scene: Scene, person: Contact) -> list[SurveyAnswer]:
    return scene.askings_of((person.id, *person.also))


def _answered_within(
    theirs: list[SurveyAnswer], at: datetime, span: timedelta
) -> SurveyAnswer | None:
    lately = [
        (one.answered_at, one.id, one)
        for one in theirs
        if one.answered_at
        and one.way == "reply"
        and one.answered_at <= at <= one.answered_at + span
    ]
    return max(lately)[-1] if lately else None


def _joined(comment: str, said: str) -> str:
    said = said.strip()
    return f"{comment}\n{said}".strip()[:COMMENT_MAX] if said else comment


def _is_brief(said: str) -> bool:
    return "?" not in said and len(said.split()) <= BRIEF_WORDS


def _say(
    scene: Scene, person: Contact, survey: Survey, text: str, offer: Mapping[str, str],
    now: datetime,
) -> None:  # fmt: skip
    language = language_of(scene, person)
    told = askings.values(survey, language) | {
        "why": surveys.why_of(survey, language), "thanks": surveys.thanks_of(survey, language),
    }  # fmt: skip
    reply_with(scene, person, text, "survey", now, {"survey": told, "offer": dict(offer)})


# ------------------------------------------------------------------ by form, page or program


def answered(scene: Scene, fact: facts.SurveyAnswered, now: datetime) -> None:
    """Keeps an answer that was given in another way than by text. Raises Wanted."""
    asking = scene.surveys_open.get(fact.answer)
    survey = askings.survey_of(scene, asking.survey) if asking else None
    if asking is None or survey is None or not may_be_given(asking, fact.at):
        return
    score = fact.score if fact.score in survey.scores else None
    reasons = {one.key for one in survey.reasons}
    after = replace(
        asking,
        answered_at=asking.answered_at or fact.at,
        way=fact.way,
        score=score,
        reason=fact.reason if fact.reason in reasons else reason_in(survey, fact.comment),
        comment=fact.comment,
        answers=dict(fact.answers),
        may_publish=fact.may_publish and survey.publishes,
        shown_as=fact.shown_as if fact.may_publish else "",
    )
    _keep(scene, survey, asking, after, now)


def may_be_given(asking: SurveyAnswer, at: datetime) -> bool:
    """Whether it can still be answered, or its answer changed."""
    if asking.answered_at:
        return at <= asking.answered_at + CHANGED_WITHIN
    return at < asking.until


# ------------------------------------------------------------------ what follows


def _keep(
    scene: Scene, survey: Survey, before: SurveyAnswer, after: SurveyAnswer, now: datetime
) -> Mapping[str, str]:
    """The answer with its reward; automations hear of its score. What texts say of the reward, ""
    for none."""
    offer: Mapping[str, str] = {}
    if before.answered_at is None:
        scene.happens(Count("survey/answered"))
        offer, after = _rewarded(scene, survey, after, now)
    scene.happens(SaveAnswer(after))
    if before.answered_at is None or before.score != after.score:
        _tell(scene, survey, after, now)
    return offer


def _rewarded(
    scene: Scene, survey: Survey, answer: SurveyAnswer, now: datetime
) -> tuple[Mapping[str, str], SurveyAnswer]:
    """Once a person and survey (R81)."""
    person = scene.person(answer.contact_id)
    earlier = [one for one in _of_person(scene, person) if one.survey == survey.key]
    if not survey.reward or any(one.rewarded_at for one in earlier):
        return {}, answer
    offer = scene.chosen.offer(survey.reward)
    if offer is None:
        return {}, answer
    is_given, code = giving.hand_over(scene, person, offer, now)
    if not is_given:
        return {}, answer
    store = scene.store
    said = offers.values(
        offer, language_of(scene, person), store.currency, store.time_zone, now
    )  # fmt: skip
    return {**said, "code": code}, replace(answer, rewarded_at=now)


def state_of(survey: Survey, answer: SurveyAnswer) -> facts.AnswerState:
    """What a score means for who listens to it."""
    if answer.score is None:
        return ""
    if survey.is_low(answer.score):
        return "low_again" if answer.after_id else "low"
    return "good" if survey.is_good(answer.score) else "middle"


def _tell(scene: Scene, survey: Survey, answer: SurveyAnswer, now: datetime) -> None:
    """Automations hear the same whichever way an answer came."""
    fact = _fact_of(survey, answer, answer.answered_at or now)
    order = scene.orders.get(answer.order_id) if answer.order_id else None
    occasion = (
        occasions.of_order(fact, order) if order
        else occasions.of_person(fact, scene.person(answer.contact_id).id)
    )  # fmt: skip
    automations.hear(scene, occasion, now)


def rehearsed(scene: Scene, person: Contact, fact: facts.TextReceived) -> facts.Fact:
    """What a text would be told as, where nothing is kept: the score of the question that waits, or
    the text itself. Raises Wanted."""
    asking = awaits_score(scene, person, fact.at)
    survey = askings.survey_of(scene, asking.survey) if asking else None
    rating = read_rating(fact.body, survey.scale) if survey else None
    if asking is None or survey is None or rating is None or rating.score is None:
        return fact
    answer = replace(asking, way="reply", score=rating.score, comment=rating.comment)
    return _fact_of(survey, answer, fact.at)


def _fact_of(survey: Survey, answer: SurveyAnswer, at: datetime) -> facts.SurveyAnswered:
    return facts.SurveyAnswered(
        id=f"answer/{answer.id}/{answer.score}",
        at=at,
        contact=answer.contact_id,
        answer=answer.id,
        survey=survey.key,
        way=answer.way or "reply",
        state=state_of(survey, answer),
        score=answer.score,
        reason=answer.reason,
        comment=answer.comment,
        answers=dict(answer.answers),
    )
