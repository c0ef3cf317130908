"""What a step says: its words in the person's language, its values, and which of two offers goes.

rules/messages.speak decides and makes the message. Goods and codes are chosen for a whole batch at
once: a text that names them is made when they are there (rules/wants.py).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from ringdove.rules import facts, texts
from ringdove.rules.automations import occasions, recipes, wording
from ringdove.rules.automations.occasions import Occasion
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.rules.campaigns import schedules
from ringdove.rules.consent import consent, permissions
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.effects import QueueMessage, TakeBack
from ringdove.rules.links import links
from ringdove.rules.messages import Letter, draft_of, language_of, speak
from ringdove.rules.offers import offers, rewards
from ringdove.rules.scenes import Contact, Enrollment, Scene
from ringdove.rules.steps.send import Send
from ringdove.rules.surveys import asking
from ringdove.rules.wants import CodeWish, Good, GoodsWish, HourWanted

AT_ONE_TIME = timedelta(days=1)  # offers that would go so near to each other
SOON = timedelta(microseconds=1)
GOODS_NAMED = 2  # with the link they fit into one text
LINKS = {"link": links.OF_STEP}  # as texts name them
FORM_LINKS = {"survey.link": links.OF_FORM}
NO_WORDS = {"sms": "", "subject": "", "body": ""}


def say(
    scene: Scene, plan: Plan, step: Send, run: Enrollment, occasion: Occasion, now: datetime
) -> QueueMessage | None:
    """Makes the message of a step, or the silence with its reason. None: it is a letter, and the
    SMS that follows says it (P9: a customer may have no e-mail). Raises Wanted."""
    journey, fact = plan.journey, occasion.fact
    # What is offered is offered to the living person, whose caps and past are asked.
    is_offer = step.klass == "marketing"
    person = scene.person(run.contact_id) if is_offer else scene.contacts[run.contact_id]
    channel = channel_of(step, person)
    if channel == "email" and not person.email:
        return None
    language, words = _words_for(scene, plan.own, step.text, channel, person)
    values = wording.values_of(scene, person, occasion.order, fact, language)
    if "answer" in run.memory:
        values["answer"] = {"text": run.memory["answer"]}
    survey = asking.survey_of(scene, step.survey) if step.survey else None
    if survey:
        values["survey"] = asking.values(survey, language)
    starts, ends = _starts(scene, step, run, now), fact.at + journey.span
    if survey and not is_offer and person.talking_until:
        # Whatever it is called, a question of ours is no news: it waits as offers do.
        starts = max(starts, person.talking_until)
    if step.valid_for:
        ends = min(ends, starts + timedelta(seconds=step.valid_for))
    letter = Letter(
        contact=person,
        channel=channel,
        klass=step.klass,
        topic=journey.topic,
        cause="automation",
        words=words or NO_WORDS,
        values=values,
        language=language,
        why=f"automation/{journey.key}/{occasion.kind}",
        not_before=starts,
        not_after=ends,
        recipe=journey.key,
        enrollment_id=run.id,
        order_id=run.order_id,
        guard=step.guard,
        guard_since=_bought_since(run, occasion),
        place=step.id,
        sku=occasions.sku_of(occasion),
        links=(LINKS if step.link else {}) | (FORM_LINKS if survey else {}),
        in_daytime=step.in_daytime,
        category=journey.category,
        # An automation is an occasion itself: a birthday, a cart that was left (R13).
        occasion=journey.key if is_offer else "",
        silent="no_survey" if step.survey and not survey else "" if words else "no_words",
    )
    made = speak(scene, _filled(scene, step, run, occasion, letter, now), now)
    if is_offer and made.state == "waiting" and _is_outranked(scene, journey.priority, made, now):
        return replace(made, state="dropped", reason="outranked")
    if survey and made.state == "waiting":
        after = fact.answer if isinstance(fact, facts.SurveyAnswered) else None
        asking.asked(scene, survey, made, after)
    return made


def channel_of(step: Send, person: Contact) -> str:
    """By what the step speaks to this person (R40)."""
    if step.channel != "either":
        return step.channel
    chose = permissions.state_of(person, "channel/email") == "in" or not person.phone
    return "email" if person.email and chose else "sms"


def _words_for(
    scene: Scene, own: Automation, text: str, channel: str, person: Contact
) -> tuple[str, dict[str, str]]:
    """The person's language with its words; a store's own text that lacks it is said in the store's
    first language that has it. No words: it is said in none."""
    language = language_of(scene, person)
    for one in (language, *scene.store.languages):
        words = words_of(own, text, one)
        if words.get("body" if channel == "email" else "sms"):
            return one, {**NO_WORDS, **words}
    return language, {}


def words_of(own: Automation, text: str, language: str) -> dict[str, str]:
    """The words of a text: the recipe's own in this language, with the store's over them."""
    return {**recipes.words_of(text, language), **own.texts.get(language, {}).get(text, {})}


def _starts(scene: Scene, step: Send, run: Enrollment, now: datetime) -> datetime:
    """From when on: at the hour at which they are usually seen (R16), else at once."""
    if not step.own_hour:
        return now
    if scene.own_hours is None:
        raise HourWanted(run.contact_id)
    hour = scene.own_hours.get(scene.person(run.contact_id).id)
    return now if hour is None else schedules.next_hour(now, hour, scene.store.time_zone)


def _bought_since(run: Enrollment, occasion: Occasion) -> datetime:
    """From when on an order is one that came meanwhile; the one that the run is about is none."""
    since = min(occasion.fact.at, run.started_at) - occasions.BOUGHT_SLACK
    return max(since, occasion.order.placed_at + SOON) if occasion.order else since


# ------------------------------------------------------------------ offers and goods in a text


def _filled(
    scene: Scene, step: Send, run: Enrollment, occasion: Occasion, letter: Letter, now: datetime
) -> Letter:
    """With the offer and the goods that it names. Who refused us is given no code for a silence."""
    number = step.offer or run.memory.get("offer", 0)
    if not (number or step.goods):
        return letter
    asked = _asked(letter.words["sms"], letter.words["subject"], letter.words["body"])
    if consent.refusal(scene.store.policy, letter.contact, draft_of(letter)):
        return letter
    values, silent, own = dict(letter.values), letter.silent, dict(letter.links)
    if number and (offer := scene.chosen.offer(number)):
        given = run.memory if run.memory.get("offer") == number else {}
        code = given.get("code", "")
        person = scene.person(run.contact_id)
        if offer.kind == "code" and not code and "offer.code" in asked:
            code = scene.chosen.code_for(CodeWish(number, person.id))
            silent = silent or ("" if code else "no_code")
        at = datetime.fromisoformat(given["given_at"]) if "given_at" in given else now
        values["offer"] = _offer_values(scene, offer, person, code, letter.language, at)
    named: tuple[Good, ...] = ()
    if step.goods:
        named = scene.chosen.goods_for(goods_wish(scene, step, run, occasion, letter.category))
        named = named[:GOODS_NAMED]
        values["goods"] = {"names": ", ".join(wording.short(one.name) for one in named)}
        if named:
            own["goods.link"] = links.OF_GOODS
        silent = silent or ("no_goods" if step.goods_needed and not named else "")
    return replace(
        letter, values=values, links=own, silent=silent,
        goods=tuple(one.sku for one in named),
        # The gap is that of what is offered, not of what was bought: accessories may go (R15).
        category=letter.category or next((one.category for one in named), ""),
    )  # fmt: skip


@lru_cache(4_096)
def _asked(*templates: str) -> frozenset[str]:
    try:
        return frozenset(path for one in templates for path in texts.variables(one))
    except texts.TemplateBroken:
        return frozenset()  # speak() makes a silence of it


def _offer_values(
    scene: Scene, offer: Reward, person: Contact, code: str, language: str, given_at: datetime
) -> dict[str, str]:
    store = scene.store
    said = offers.values(offer, language, store.currency, store.time_zone, given_at)
    link = ""
    if scene.address:
        link = rewards.link_of(scene.address, store.id, offer.id, person.id, scene.keyed)
    return {**said, "code": code, "link": link}


def goods_wish(
    scene: Scene, step: Send, run: Enrollment, occasion: Occasion, category: str
) -> GoodsWish:
    """Which goods the text asks for, by what the run is about."""
    lines = occasions.lines_of(occasion)
    skus = dict.fromkeys(one.sku for one in lines if one.sku)
    told = next((one.category for one in lines if one.category), "")
    about = getattr(occasion.fact, "category", "") or told or category
    return GoodsWish(scene.person(run.contact_id).id, step.goods, tuple(skus), about)


# ------------------------------------------------------------------ of two offers the higher one


def _is_outranked(scene: Scene, priority: int, made: QueueMessage, now: datetime) -> bool:
    """Of offers that would go to one person at one time the higher goes, whichever came first; of
    equal ones the caps decide. Takes back what does not go; whether it is this one."""
    lower = []
    for other in scene.queued.get(scene.person(made.contact_id).id, {}).values():
        if other.message_id == made.id or abs(other.due_at - made.due_at) >= AT_ONE_TIME:
            continue
        plan = scene.plans.newest.get(other.recipe)
        theirs = plan.journey.priority if plan else 0
        if theirs > priority:
            scene.happens(TakeBack(made.id, made.contact_id, "outranked", now))
            return True
        if theirs < priority:
            lower.append(other)
    for other in lower:
        scene.happens(TakeBack(other.message_id, other.contact_id, "outranked", now))
    return False
