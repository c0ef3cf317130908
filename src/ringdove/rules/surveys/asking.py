"""Asking somebody: the row that waits for their answer, and what texts can say of a survey.

A text that asks has the asking's own id: one row, one form behind its link, whatever way it went.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ringdove.rules.effects import QueueMessage, SaveAnswer
from ringdove.rules.scenes import Scene, SurveyAnswer
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import Survey
from ringdove.rules.wants import SurveysWanted

CLOCKS_APART: Final = timedelta(minutes=2)


def survey_of(scene: Scene, key: str) -> Survey | None:
    """The store's survey; None: it has none by this key. Raises SurveysWanted."""
    if scene.surveys is None:
        raise SurveysWanted(key)
    return scene.surveys.get(key)


def values(survey: Survey, language: str) -> dict[str, str]:
    """What a text that asks can say: {{ survey.question }}, {{ survey.low }}, {{ survey.high }}."""
    return {
        "question": surveys.question_of(survey, language),
        "low": str(survey.low), "high": str(survey.high),
    }  # fmt: skip


def values_of_answer(
    survey: Survey, told: Mapping[str, Any] | SurveyAnswer, language: str
) -> dict[str, str]:
    """What a text about an answer can say beside that."""
    given = told if isinstance(told, Mapping) else {
        name: getattr(told, name) for name in ("score", "comment", "reason")
    }  # fmt: skip
    score, reason = given["score"], given["reason"]
    return values(survey, language) | {
        "score": "" if score is None else str(score),
        "comment": given["comment"],
        "reason": surveys.reason_name(survey, reason, language) if reason else "",
    }


def asked(
    scene: Scene, survey: Survey, made: QueueMessage, after_id: int | None = None
) -> SurveyAnswer:
    """Notes that a text asks them, which waits to be sent. Its carrier and pickup point are found
    as it is written."""
    asking = SurveyAnswer(
        id=made.id,
        contact_id=made.contact_id,
        survey=survey.key,
        asked_at=made.due_at,
        until=survey.until(made.due_at),
        order_id=made.order_id,
        message_id=made.id,
        enrollment_id=made.enrollment_id,
        after_id=after_id,
        sku=made.sku if survey.about == "product" else "",
        language=made.language,
    )
    scene.happens(SaveAnswer(asking))
    return asking


def is_open(asking: SurveyAnswer, at: datetime) -> bool:
    """Whether it waits for its first answer at that time. Operators tell times by clocks of their
    own, some to the minute: a quick answer may come before the question."""
    return asking.answered_at is None and asking.asked_at - CLOCKS_APART <= at < asking.until
