"""Surveys in memory: asked, answered in all the ways that people answer, rewarded, followed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from ringdove.rules import facts, texts
from ringdove.rules.effects import GiveReward, SaveTask
from ringdove.rules.languages import CYRILLIC
from ringdove.rules.surveys import answering, surveys
from ringdove.rules.surveys.surveys import READY, Survey
from tests.rules.scene import NOON, messages
from tests.rules.stage import OFFER, stage, switch_on
from tests.rules.steps import walk
from tests.rules.test_offer_recipes import DELIVERED, LANGUAGES, answer, known, placed

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ASKED = NOON + 5 * DAY  # two days after the parcel came
LATER = NOON + 60 * DAY


def asked(language="en", reward=OFFER.id, keys=("survey", "low_score"), **changes):
    """A store whose delivery survey has asked its one customer."""
    place = switch_on(stage(language), *keys)
    place.surveys["delivery"] = READY["delivery"].model_copy(update={"reward": reward} | changes)
    return walk.play(place, [known(language), placed(), DELIVERED], ASKED)


def tell(place, *told, until=LATER):
    return walk.play(place, told, until)


def texted(place, *bodies, after=HOUR, apart=MINUTE):
    at = [ASKED + after + n * apart for n in range(len(bodies))]
    return tell(place, *map(answer, bodies, at), until=at[-1])


def row(place):
    """The one asking, as it stands."""
    (one,) = [one for one in place.surveys_open.values() if not one.after_id and one.id != 9]
    return one


def answers(place):
    """What the machine answered by itself: why it did, and the words."""
    return [(one.why, one.body) for one in messages(place) if one.cause == "reply"]


def alerts(place):
    return [one for one in place.effects if isinstance(one, SaveTask)]


def handled(place):
    return [one.handled for one in place.effects if type(one).__name__ == "HearInbound"]


def test_an_asking_is_a_row_with_its_texts_id():
    """R80: by text, and by the form behind the link of the same text."""
    one = row(asked())
    (text,) = [one for one in messages(asked()) if one.recipe == "survey"]
    assert (one.survey, one.score, one.answered_at, one.language) == ("delivery", None, None, "en")
    assert one.asked_at == ASKED and one.order_id and one.id == one.message_id
    assert "from 1 (badly) to 6 (very well)?" in text.body
    linked = walk.play(
        switch_on(stage(), "review_request"), [known(), placed(), DELIVERED], LATER
    )  # fmt: skip
    (of_form,) = linked.surveys_open.values()
    (text,) = [one for one in messages(linked) if one.recipe == "review_request"]
    assert (of_form.survey, of_form.sku, of_form.id) == ("product", "K1", text.id)
    assert "/03xxx" in text.body


@pytest.mark.parametrize(("said", "score", "comment"), [
    ("5", 5, ""), ("5/6", 5, ""), ("6!", 6, ""), ("2, broken box", 2, "broken box"),
])  # fmt: skip
def test_a_score_is_kept_with_its_comment_and_thanked_for_with_the_code(said, score, comment):
    """R80, R81."""
    place = texted(asked(), said)
    one = row(place)
    assert (one.score, one.comment, one.way) == (score, comment, "reply")
    assert one.answered_at == ASKED + HOUR and one.rewarded_at
    ((_, body),) = answers(place)
    assert "LIN-8FK2QPZ" in body and handled(place) == ["survey"]
    (run,) = [run for run in place.enrollments.values() if run.recipe == "survey"]
    assert (run.state, run.memory["answer"]) == ("done", str(score))


def test_an_answer_is_rewarded_once_a_survey_and_person():
    """R81: also when they are asked again a year later."""
    place = texted(asked(), "5")
    before = row(place)
    again = replace(
        before, id=1, answered_at=None, score=None, rewarded_at=None, asked_at=LATER,
        until=LATER + 9 * DAY, enrollment_id=None, message_id=None,
    )  # fmt: skip
    place.keep_asking(again)
    tell(place, answer("6", LATER + HOUR), until=LATER + HOUR)
    assert place.surveys_open[1].score == 6 and not place.surveys_open[1].rewarded_at
    assert len([one for one in place.effects if isinstance(one, GiveReward)]) == 1
    assert "LIN" not in answers(place)[-1][1]


def test_what_is_no_score_is_asked_again_once_and_then_goes_to_a_person():
    """R80."""
    for said in ("10", "2 or 5", "0"):
        place = texted(asked(), said, said)
        assert handled(place) == ["survey", ""], said
        ((why, body),) = answers(place)
        assert why == "reply/survey_again" and "from 1 to 6" in body
        assert row(place).score is None and row(place).re_asked_at
        tell(place, answer("4", ASKED + 2 * HOUR), until=ASKED + 2 * HOUR)
        assert row(place).score == 4
    silent = texted(asked(re_asks=False), "10")
    assert handled(silent) == [""] and answers(silent) == []


def test_words_without_a_number_are_kept_and_longer_ones_are_read_by_somebody():
    """Field notes: a comment without a number."""
    place = texted(asked(), "very good", "6")
    assert handled(place) == ["survey", "survey"]
    assert (row(place).score, row(place).comment) == (6, "very good")
    longer = texted(asked(), "we have not tried it yet but it looks nice")
    assert handled(longer) == [""] and "looks nice" in row(longer).comment
    assert [why for why, _ in answers(longer)] == ["reply/survey_again"]
    complains = texted(asked(), "the box came open, the cup is broken")
    assert handled(complains) == ["complaint"] and row(complains).comment == ""


def test_of_two_scores_within_an_hour_the_last_counts():
    """Two ratings."""
    place = texted(asked(), "5", "2")
    assert row(place).score == 2 and row(place).answered_at == ASKED + HOUR
    assert len(alerts(place)) == 1 and len(answers(place)) == 1
    place = texted(asked(), "5", "2", apart=2 * HOUR)
    assert row(place).score == 5 and alerts(place) == []


def test_a_second_thought_is_no_answer_to_an_older_question_that_waits():
    """Two ratings, of somebody who never answered what they were asked weeks ago."""
    place = asked()
    (new,) = place.surveys_open.values()
    old = replace(
        new, id=9, survey="csat", asked_at=ASKED - 20 * DAY, enrollment_id=None, message_id=None
    )
    place.keep_asking(old)
    tell(place, answer("6", ASKED + HOUR), answer("2", ASKED + HOUR + MINUTE), until=ASKED + DAY)
    assert row(place).score == 2 and place.surveys_open[9].score is None
    tell(place, answer("5", ASKED + 3 * HOUR), until=ASKED + 3 * HOUR)  # no second thought any more
    assert row(place).score == 2 and place.surveys_open[9].score == 5


def test_how_a_complaint_stands_is_no_reason_for_a_low_score():
    """R84, R87: also where the reason was asked for just now."""
    place = texted(asked(), "2", "how is my complaint?")
    assert row(place).comment == "" and handled(place) == ["survey", "status"]
    assert [why for why, _ in answers(place)] == ["reply/survey_why", "reply/no_complaint"]


def test_an_answer_may_come_a_little_before_its_question():
    """Operators' clocks: some tell a time to the minute."""
    for early, score in ((MINUTE, 5), (HOUR, None)):
        place = asked()
        tell(place, answer("5", ASKED - early), until=ASKED)
        assert row(place).score == score


def test_a_late_score_is_kept_and_seen_to_be_late_and_a_late_word_is_no_answer():
    late = ASKED + 10 * DAY
    place = asked()
    tell(place, answer("6", late), until=late)
    assert row(place).score == 6 and READY["delivery"].is_late(row(place))
    place = asked()
    tell(place, answer("nice", late), until=late)
    assert handled(place) == [""] and row(place).comment == ""
    place = asked()
    tell(place, answer("6", ASKED + 40 * DAY), until=LATER)
    assert row(place).score is None and handled(place) == [""]


def test_a_stop_outranks_a_running_survey_and_the_score_still_counts():
    """P2."""
    place = texted(asked(), "STOP", "5")
    assert handled(place) == ["stop", "survey"] and row(place).score == 5
    (person,) = place.contacts.values()
    assert person.marketing == "out"


def test_a_low_score_is_asked_why_and_the_next_words_are_the_reason():
    """R83, R84: the alert does not wait for it."""
    place = texted(asked(reward=0), "2")
    assert [why for why, _ in answers(place)] == ["reply/survey_why"]
    (task,) = alerts(place)
    assert task.created_at == ASKED + HOUR and "2 of 6" in task.said and "1042" in task.said
    at = ASKED + 3 * HOUR
    tell(place, answer("The courier was 3 days late", at), until=at)
    one = row(place)
    assert (one.score, one.reason) == (2, "delivery") and one.comment.startswith("The courier")
    assert answers(place)[-1][0] == "reply/survey_heard" and handled(place)[-1] == "survey"


def test_thanks_and_more_words_after_a_score():
    place = texted(asked(reward=0), "6", "great kettle and a fast driver")
    assert row(place).comment == "great kettle and a fast driver"
    assert handled(place) == ["survey", "survey"] and len(answers(place)) == 1
    place = texted(asked(reward=0), "6", "when do you have the blue one?")
    assert handled(place) == ["survey", ""]


def test_another_number_of_theirs_answers_nothing():
    place = asked()
    (person,) = place.contacts.values()
    old = answer("5", ASKED + HOUR).model_copy(update={"sender": "+375297770000"})
    place.refs["phone", "+375297770000"] = next(iter(place.refs.values()))._replace(
        contact_id=person.id
    )
    tell(place, old, until=ASKED + HOUR)
    assert row(place).score is None


# ------------------------------------------------------------------ the form


def form(place, score, at=ASKED + HOUR, **more):
    one = row(place)
    return facts.SurveyAnswered(
        id=f"f{at}", at=at, contact=one.contact_id, answer=one.id, survey="delivery", score=score,
        **more,
    )  # fmt: skip


def test_the_form_is_one_answer_that_can_be_changed_for_a_day():
    """R73."""
    place = asked(publishes=True)
    first = form(place, 5, reason="packing", comment="Nice", may_publish=True, shown_as="Anna")
    tell(place, first, until=ASKED + HOUR)
    one = row(place)
    assert (one.score, one.reason, one.way, one.may_publish) == (5, "packing", "link", True)
    assert one.shown_as == "Anna" and one.rewarded_at and answers(place) == []
    tell(place, form(place, 2, ASKED + 20 * HOUR), until=ASKED + 20 * HOUR)
    assert (row(place).score, row(place).may_publish, len(alerts(place))) == (2, False, 1)
    tell(place, form(place, 6, ASKED + 3 * DAY), until=ASKED + 3 * DAY)
    assert row(place).score == 2


def test_what_the_form_cannot_say_is_not_kept():
    place = asked(publishes=False)
    tell(place, form(place, 9, may_publish=True, reason="weather"), until=ASKED + HOUR)
    one = row(place)
    assert (one.score, one.may_publish, one.reason) == (None, False, "")
    assert alerts(place) == []


def test_a_run_goes_on_with_the_score_whichever_way_it_came():
    place = asked()
    tell(place, form(place, 4), until=ASKED + HOUR)
    (run,) = [run for run in place.enrollments.values() if run.recipe == "survey"]
    assert (run.state, run.memory["answer"]) == ("done", "4")


def test_an_answer_lets_go_on_the_run_that_asked_it_and_none_other():
    place = asked()
    one, run = row(place), next(iter(place.waiting_runs([row(place).contact_id])))
    other = replace(
        run, id=5, subject="order/9/survey", order_id=None, memory={**run.memory, "asking": 9}
    )
    place.keep_run(other)
    place.keep_asking(replace(one, id=9, order_id=None, enrollment_id=5))
    told = form(place, 4).model_copy(update={"answer": 9})
    tell(place, told, until=ASKED + HOUR)
    now = {run.id: run.state for run in place.enrollments.values() if run.recipe == "survey"}
    assert now == {run.id: "waiting", 5: "done"}


# ------------------------------------------------------------------ low score


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_low_score_is_a_task_then_an_apology_then_one_more_question(language):
    """R84, N9, in each language and in few parts; a second low score is a task and no more."""
    place = texted(asked(language), "1, bad")
    (run,) = [run for run in place.enrollments.values() if run.recipe == "low_score"]
    assert (run.state, run.place) == ("waiting", "mended")
    done = facts.TaskClosed(
        id="d", at=ASKED + DAY, contact=run.contact_id, task=1, enrollment=run.id
    )
    other = done.model_copy(update={"id": "o", "enrollment": 5})
    tell(place, other, until=ASKED + DAY)
    assert [one.recipe for one in messages(place) if one.recipe] == ["survey"]
    tell(place, done, until=ASKED + 4 * DAY)
    said = [one for one in messages(place) if one.recipe]
    assert [one.recipe for one in said] == ["survey", "low_score", "low_score"]
    for one in (*said, *[one for one in messages(place) if one.cause == "reply"]):
        parts = 2 if language in CYRILLIC else 1
        assert texts.measure(one.body).parts <= parts and "{" not in one.body
        assert one.cause == "reply" or "1042" in one.body
    (second,) = [one for one in place.surveys_open.values() if one.after_id]
    assert (second.survey, second.after_id) == ("second", row(place).id)
    tell(place, answer("2", second.asked_at + HOUR), until=second.asked_at + HOUR)
    assert place.surveys_open[second.id].score == 2
    assert len([run for run in place.enrollments.values() if run.recipe == "low_score"]) == 1
    assert [one.created_at for one in alerts(place)] == [ASKED + HOUR, second.asked_at + HOUR]


def test_a_task_that_came_to_nothing_brings_no_apology():
    place = texted(asked(), "1")
    (run,) = [run for run in place.enrollments.values() if run.recipe == "low_score"]
    gone = facts.TaskClosed(
        id="d", at=ASKED + DAY, contact=run.contact_id, task=1, enrollment=run.id,
        result="not_needed",
    )  # fmt: skip
    tell(place, gone)
    assert [one.recipe for one in messages(place) if one.recipe] == ["survey"]


def test_who_complains_is_not_asked():
    """N9."""
    complains = facts.ComplaintMoved(
        id="x", at=NOON + 4 * DAY, order="1042", complaint="7", state="opened"
    )
    place = switch_on(stage(), "survey")
    walk.play(place, [known(), placed(), DELIVERED, complains], LATER)
    assert place.surveys_open == {}


# ------------------------------------------------------------------ what a survey is


def test_a_survey_whose_scale_does_not_fit_is_refused():
    for wrong in (
        {"low_until": 6}, {"good_from": 3}, {"good_from": 7}, {"low": 2}, {"high": 11},
        {"reasons": [{"key": "a"}, {"key": "a"}]},
        {"further": [{"id": "q", "kind": "choice", "names": {"en": "Which?"}}]},
        {"further": [{"id": "q", "kind": "text", "names": {}}]},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            surveys.read("mine", wrong)


def test_a_survey_is_read_as_it_was_written_and_speaks_each_language():
    own = Survey(key="mine", name="Mine", words={"ru": {"question": "Ну как, {low}-{high}?"}})
    for one in (*READY.values(), own):
        assert surveys.read(one.key, surveys.plain(one)) == one
        for language in (*LANGUAGES, "pl"):
            asks = surveys.question_of(one, language)
            assert str(one.low) in asks and str(one.high) in asks and "{" not in asks
            assert all(surveys.ends_of(one, language)) and surveys.name_of(one, language)
            if language in ("en", "it", "es"):
                said = (asks, surveys.why_of(one, language), surveys.thanks_of(one, language))
                assert one is own or texts.measure(" ".join(said)).encoding == "GSM-7"
    assert surveys.question_of(own, "ru") == "Ну как, 1-6?" == surveys.question_of(own, "it")


def test_a_reason_is_heard_in_any_language_unless_several_are():
    survey = READY["delivery"]
    for said, reason in (
        ("курьер опоздал", "delivery"), ("corriere in ritardo", "delivery"),
        ("rude staff", "service"), ("мятая коробка", "packing"), ("bad", ""),
        ("late courier and rude staff", ""),
    ):  # fmt: skip
        assert answering.reason_in(survey, said) == reason, said
