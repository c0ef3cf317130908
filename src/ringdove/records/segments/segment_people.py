"""Who people are and how they take our texts, as SQL. rules/segments/pictures.py says the same in
Python."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from ringdove.kit import db
from ringdove.records.segments.segment_parts import (
    SQL,
    Part,
    Plain,
    Source,
    Sql,
    Writer,
    both,
    counted,
    in_range,
    is_not,
    opposite,
    rows_of,
    together,
)
from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments import segments
from ringdove.rules.segments.pictures import REPLY_WITHIN
from ringdove.rules.segments.segment_times import Dates, Moments
from ringdove.rules.segments.segments import Range

MESSAGES: Final = Source(
    "t.id, t.campaign_id, t.state, t.sent_at, t.done_at", "message t", "t.class = 'marketing'"
)
CLICKS: Final = Source("t.id, t.at", "link_click t", "t.kind = 'person'")
CAMPAIGN_CLICKS: Final = Source(
    "t.id, t.at, m.campaign_id",
    "link_click t JOIN message m"
    " ON m.bucket = t.bucket AND m.store_id = t.store_id AND m.id = t.message_id",
    "t.kind = 'person'",
)
TEXTS: Final = Source("t.id, t.at", "inbound t")
GIFTS: Final = Source("t.id, t.reward_id", "reward_given t")
USED: Final = Source("t.reward_id", "offer_use t", "t.freed_at IS NULL")


# ------------------------------------------------------------------ who they are


def place(one: segments.Place, writer: Writer) -> Part:
    asked: list[Sql] = []
    if one.countries:
        countries = writer.words([word.upper() for word in one.countries])
        asked.append(SQL("c.country = ANY({})").format(countries))
    for column, words in (("c.region", one.regions), ("c.city", one.cities)):
        if words:
            asked.append(SQL(f"{column} ~ {{}}").format(writer.put(times.pattern(words))))
    return Plain(both(asked))


def age(one: segments.Age, writer: Writer) -> Part:
    return Plain(writer.dates("c.birthday", times.born(one.years, _today(writer))))


def _today(writer: Writer) -> date:
    return times.today_of(writer.now, writer.store.time_zone)


def sex(one: segments.Sex, writer: Writer) -> Part:
    return Plain(SQL("c.sex = {}").format(writer.put("" if one.sex == "unknown" else one.sex)))


def birthday(one: segments.Birthday, writer: Writer) -> Part:
    return Plain(_on_days("c.birthday", one.in_days, writer))


def _on_days(column: str, days: Range, writer: Writer) -> Sql:
    some = db.numbers(times.days_of_year(days, _today(writer)))
    text = (
        f"(100 * extract(month FROM {column})::integer + extract(day FROM {column})::integer)"
        " = ANY({}::integer[])"
    )
    return SQL(text).format(writer.put(some))


def children(one: segments.Children, writer: Writer) -> Part:
    asked: list[Sql] = []
    if one.years is not None:
        asked.append(writer.dates("k", times.born(one.years, _today(writer))))
    if one.birthday_in_days is not None:
        asked.append(_on_days("k", one.birthday_in_days, writer))
    whole: list[Sql] = []
    if asked:
        whole.append(
            SQL("(c.children <> '{{}}' AND EXISTS (SELECT FROM unnest(c.children) k WHERE {}))")
            .format(both(asked))
        )  # fmt: skip
    if one.number is not None:
        whole.append(writer.range("cardinality(c.children)", one.number))
    return Plain(both(whole) if whole else SQL("c.children <> '{}'"))


def language(one: segments.Language, writer: Writer) -> Part:
    words = writer.words(one.languages)
    return Plain(SQL("coalesce(c.language, '') = ANY({})").format(words))


def origin(one: segments.Origin, writer: Writer) -> Part:
    asked: list[Sql] = []
    for column, words in (("c.origin", one.origins), ("c.origin_note", one.notes)):
        if words:
            asked.append(SQL(f"{column} = ANY({{}})").format(writer.words(words)))
    if one.when != segments.EVER:
        when = times.moments(one.when, writer.now, writer.store.time_zone)
        asked.append(writer.when("c.created_at", when))
    return Plain(both(asked))


def own_field(one: segments.OwnFieldIs, writer: Writer) -> Part:
    key = writer.put(one.key)
    text = SQL("(c.fields ->> {}::text)").format(key)
    asked: list[Sql] = [SQL("{} IS NOT NULL").format(text)]
    kind = SQL("jsonb_typeof(c.fields -> {}::text)").format(key)
    if one.words:
        asked.append(
            SQL("{} = 'string' AND {} ~ {}").format(
                kind, text, writer.put(times.pattern(one.words))
            )
        )
    if one.number is not None:
        number = in_range(SQL("{}::numeric").format(text), one.number, writer)
        asked.append(SQL("CASE WHEN {} = 'number' THEN {} END").format(kind, number))
    for days in _days(one, writer):
        asked.append(
            SQL("{} = 'string' AND {} ~ {}").format(kind, text, writer.put(f"^{times.A_DATE}$"))
        )
        for day, sign in ((days.first, ">="), (days.last, "<=")):
            if day is not None:
                asked.append(
                    SQL(f'{{}} COLLATE "C" {sign} {{}}').format(text, writer.put(day.isoformat()))
                )
    if one.yes is not None:
        asked.append(
            SQL("{} = 'boolean' AND {} = {}").format(
                kind, text, writer.put("true" if one.yes else "false")
            )
        )
    return Plain(both(asked))


def _days(one: segments.OwnFieldIs, writer: Writer) -> Iterable[Dates]:
    if one.when is not None:
        yield times.dates(one.when, _today(writer))
    if one.in_days is not None:
        yield times.ahead(one.in_days, _today(writer))


# ------------------------------------------------------------------ how they take our texts


def texts(one: segments.Texts, writer: Writer) -> Part:
    zone = writer.store.time_zone
    when = times.moments(one.when, writer.now, zone)
    of_campaign: list[Sql] = []
    if one.campaign is not None:
        of_campaign.append(SQL("r.campaign_id = {}").format(writer.put(one.campaign)))
    match one.what:
        case "sent":
            asked = [*of_campaign, writer.when("r.sent_at", when)]
            return counted(MESSAGES, both(asked), writer, [("count(*){}", one.times)])
        case "delivered" | "failed":
            states = SQL("r.state = ANY({})").format(writer.words(segments.ENDS[one.what]))
            asked = [*of_campaign, states, writer.when("r.done_at", when)]
            return counted(MESSAGES, both(asked), writer, [("count(*){}", one.times)])
        case "clicked":
            asked = [*of_campaign, *writer.happened("r.at", when)]
            source = CAMPAIGN_CLICKS if of_campaign else CLICKS
            return counted(source, both(asked), writer, [("count(*){}", one.times)])
        case "replied":
            return _replied(one, writer, when)


REPLIED = SQL("""SELECT r.who FROM ({texts}) r
JOIN ({ours}) m ON m.who = r.who AND r.at >= m.sent_at AND r.at < m.sent_at + {within}::interval
WHERE {asked} GROUP BY r.who""")
AMONG = SQL("SELECT * FROM ({rows}) r WHERE {asked}")


def _replied(one: segments.Texts, writer: Writer, when: Moments) -> Part:
    """Texts from them soon after one of ours."""
    ours: list[Sql] = [SQL("r.sent_at IS NOT NULL")]
    if one.campaign is not None:
        ours.append(SQL("r.campaign_id = {}").format(writer.put(one.campaign)))
    said = AMONG.format(rows=rows_of(MESSAGES, writer), asked=both(ours))
    text = REPLIED.format(
        texts=rows_of(TEXTS, writer), ours=said, within=writer.put(REPLY_WITHIN),
        asked=both(writer.happened("r.at", when)),
    )  # fmt: skip
    many = SQL("count(DISTINCT r.id)")
    if one.times.has(0):
        having = is_not(in_range(many, one.times, writer))
        return Plain(SQL("c.id NOT IN ({} HAVING {})").format(text, having))
    return Plain(SQL("c.id IN ({} HAVING {})").format(text, in_range(many, one.times, writer)))


def permission(one: segments.Permission, writer: Writer) -> Part:
    states = writer.words(one.states)
    if one.scope in ("marketing", "service"):
        return Plain(SQL(f"c.{one.scope} = ANY({{}})").format(states))
    scope = writer.put(one.scope)
    text = SQL("coalesce(c.scopes -> {}::text ->> 0, 'none') = ANY({})")
    return Plain(text.format(scope, states))


def reach(one: segments.Reach, writer: Writer) -> Part:
    return Plain(SQL("c.phone IS NOT NULL" if one.channel == "sms" else "c.email IS NOT NULL"))


def offered(one: segments.Offered, writer: Writer) -> Part:
    offer = writer.put(one.offer)
    asked = SQL("r.reward_id = {}").format(offer)
    used: Part = counted(USED, asked, writer, [("count(*){}", segments.ONCE)])
    if one.used:
        return used
    # Codes that a campaign makes stand beside nobody (decision 42): its text tells who has one.
    told = SQL(
        "r.sent_at IS NOT NULL AND r.campaign_id IN (SELECT k.id FROM campaign k"
        " WHERE k.store_id = {} AND (k.plan ->> 'offer')::integer = {})"
    ).format(writer.put(writer.store.id), offer)
    given = together(
        [
            counted(GIFTS, asked, writer, [("count(*){}", segments.ONCE)]),
            counted(MESSAGES, told, writer, [("count(*){}", segments.ONCE)]),
        ],
        writer, is_all=False,
    )  # fmt: skip
    return given if one.used is None else together([given, opposite(used)], writer, is_all=True)
