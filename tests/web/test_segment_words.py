"""Segments in words: every condition in both languages of the pages, with its plural forms."""

import typing
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ringdove.rules.segments import segments
from ringdove.rules.segments.segments import (
    Age,
    All,
    Any,
    Birthday,
    Bought,
    CartLeft,
    Children,
    Due,
    Goods,
    InSegment,
    Language,
    Node,
    Not,
    Offered,
    Orders,
    Origin,
    OwnFieldIs,
    Permission,
    Place,
    Range,
    Reach,
    Rfm,
    Sex,
    Span,
    Texts,
    Visited,
)  # fmt: skip
from ringdove.web.segments.segment_names import Names
from ringdove.web.segments.segment_words import lines, say
from ringdove.web.speech import plain_speech

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NAMES = Names("BYN", {4: "Regulars"}, {3: "Autumn"}, {1: "−10 %"})


def R(least: int | None = None, most: int | None = None) -> Range:
    """A range in few letters."""
    return Range(
        at_least=None if least is None else Decimal(least),
        at_most=None if most is None else Decimal(most),
    )


WORDS: list[tuple[Node, str, str]] = [
    (All(),
     "everybody",
     "все"),
    (Any(),
     "nobody",
     "никто"),
    (Bought(goods=Goods(categories=("Shoes",)), times=R(2), when=Span(within_days=90)),
     "bought from “Shoes” at least 2 times in the last 90 days",
     "покупали из категории «Shoes» не менее 2 раз за последние 90 дней"),
    (All(of=(Bought(goods=Goods(categories=("Shoes", "Boots"), brands=("Nike",),
     skus=("A1",)), pieces=R(1, 3), spent=R(100), channels=("app", "web")),
     Not(of=Bought(goods=Goods(categories=("Socks",)))), Any(of=(Place(cities=("Minsk",
     "Grodno")), Age(years=R(18, 21)))))),
     "bought 1 to 3 pieces from “Shoes” or “Boots” or of the brand “Nike” or the "
     "product “A1” for at least BYN100.00 over the app or the website, and (live in "
     "Minsk or Grodno, or are 18 to 21 years old), and not: bought from “Socks” ever",
     "покупали от 1 до 3 штук из категорий «Shoes» или «Boots» или марки «Nike» или "
     "товар «A1» на сумму не менее 100,00\u00a0BYN через приложение или сайт, и (город: "
     "Minsk или Grodno, или возраст: от 18 до 21 года), но не: покупали из "
     "категории «Socks» когда-либо"),
    (Bought(times=R(None, 0), when=Span(within_days=30)),
     "did not buy in the last 30 days",
     "не покупали за последние 30 дней"),
    (Orders(times=R(3), spent=R(None, 500), average=R(20, 40), first=Span(since=date(2026, 3,
     1)), last=Span(before_days=30)),
     "ordered at least 3 times in all, spent at most BYN500.00 in all, spend "
     "BYN20.00 to BYN40.00 an order, ordered first since 1 March, ordered last at "
     "least 30 days ago",
     "заказывали всего не менее 3 раз, потратили всего не более 500,00\u00a0BYN, тратят "
     "на заказ от 20,00\u00a0BYN до 40,00\u00a0BYN, первый заказ: с 1 марта, последний заказ: "
     "не менее 30 дней назад"),
    (Orders(times=R(None, 0)),
     "never ordered",
     "ни разу не заказывали"),
    (Visited(pages=("/sale",), times=R(5), when=Span(within_days=7)),
     "visited the shop on pages that begin with /sale at least 5 times in the last "
     "7 days",
     "заходили в магазин на страницы с адресом /sale не менее 5 раз за последние 7 "
     "дней"),
    (Visited(goods=Goods(categories=("TV",))),
     "looked at goods from “TV”",
     "смотрели товары из категории «TV»"),
    (CartLeft(goods=Goods(categories=("TV",)), total=R(50), hours=R(3, 48)),
     "left a cart with goods from “TV” worth at least BYN50.00 3 to 48 hours ago",
     "оставили корзину с товарами из категории «TV» на сумму не менее 50,00\u00a0BYN от "
     "3 до 48 часов назад"),
    (CartLeft(),
     "left a cart",
     "оставили корзину"),
    (Place(countries=("by",), regions=("Брест",)),
     "live in the region Брест, live in the country Belarus",
     "регион: Брест, страна: Беларусь"),
    (Age(years=R(18)),
     "are at least 18 years old",
     "возраст: не младше 18 лет"),
    (Age(years=R(None, 30)),
     "are at most 30 years old",
     "возраст: не старше 30 лет"),
    (Sex(sex="f"),
     "are women",
     "женщины"),
    (Birthday(in_days=R(0, 7)),
     "have their birthday in the next 7 days",
     "день рождения в ближайшие 7 дней"),
    (Birthday(in_days=R(0, 0)),
     "have their birthday today",
     "день рождения сегодня"),
    (Birthday(in_days=R(3, 5)),
     "have their birthday in 3 to 5 days",
     "день рождения через 3–5 дней"),
    (Children(),
     "have children",
     "есть дети"),
    (Children(years=R(3, 6), birthday_in_days=R(0, 30), number=R(2)),
     "have at least 2 children, have a child 3 to 6 years old, whose birthday is in "
     "the next 30 days",
     "есть не менее 2 детей, есть ребёнок: от 3 до 6 лет, день рождения в ближайшие "
     "30 дней"),
    (Language(languages=("ru", "")),
     "chose a language: Russian or none chosen",
     "выбрали язык: Русский или не выбран"),
    (Origin(origins=("order", "form"), notes=("form/3",), when=Span(within_days=21)),
     "came by an order or a form (form/3) in the last 21 days",
     "пришли: заказ или форма (form/3) за последний 21 день"),
    (OwnFieldIs(key="size", words=("L", "M")),
     "size: “L” or “M”",
     "size: «L» или «M»"),
    (OwnFieldIs(key="size", number=R(5)),
     "size: at least 5",
     "size: не менее 5"),
    (OwnFieldIs(key="size", yes=True),
     "size: yes",
     "size: да"),
    (OwnFieldIs(key="size"),
     "size: is filled in",
     "size: заполнено"),
    (Texts(what="clicked", campaign=3, when=Span(within_days=30)),
     "tapped a link of an offer of the campaign “Autumn” in the last 30 days",
     "переходили по ссылке из рекламы кампании «Autumn» за последние 30 дней"),
    (Texts(what="replied", times=R(None, 0)),
     "did not answer an offer",
     "не отвечали на рекламу"),
    (Texts(what="delivered", times=R(5, 5)),
     "received an offer exactly 5 times",
     "получали рекламу ровно 5 раз"),
    (Permission(states=("in", "asked")),
     "Offers: said yes or not confirmed yet",
     "Реклама: согласились или ещё не подтверждено"),
    (Permission(scope="topic/offers", states=("out",)),
     "Topic “offers”: said no",
     "Тема «offers»: отказались"),
    (Permission(scope="category/Shoes", states=("out",)),
     "Offers about “Shoes”: said no",
     "Реклама о «Shoes»: отказались"),
    (Reach(channel="sms"),
     "have a phone number",
     "есть номер телефона"),
    (Offered(offer=1),
     "were given “−10 %”",
     "получили «−10 %»"),
    (Offered(offer=1, used=False),
     "were given “−10 %” and have not used it yet",
     "получили «−10 %» и ещё не использовали"),
    (Rfm(classes=("best", "at_risk")),
     "by their purchases: best customers or good customers who are about to leave",
     "по покупкам: лучшие покупатели или хорошие покупатели, которые вот-вот уйдут"),
    (Due(category="Coffee", in_days=R(0, 7)),
     "are expected to buy again from “Coffee” in the next 7 days",
     "ожидается покупка из категории «Coffee» в ближайшие 7 дней"),
    (Due(in_days=R(None, -1)),
     "are expected to buy again overdue by 1 day or more",
     "ожидается покупка с задержкой на 1 день или больше"),
    (Due(in_days=R(-5, 7)),
     "are expected to buy again overdue by at most 5 days, or due in the next 7 days",
     "ожидается покупка с задержкой не более чем на 5 дней или в ближайшие 7 дней"),
    (InSegment(segment=4),
     "are in the segment “Regulars”",
     "входят в сегмент «Regulars»"),
    (InSegment(segment=5),
     "are in a segment that is no more",
     "входят в сегмент, которого больше нет"),
    (Not(of=InSegment(segment=4)),
     "everybody but: are in the segment “Regulars”",
     "все, кроме таких: входят в сегмент «Regulars»"),
    (Not(of=Any(of=(Age(years=R(1, 1)), Sex(sex="m")))),
     "everybody but: (are exactly 1 year old, or are men)",
     "все, кроме таких: (возраст: ровно 1 год, или мужчины)"),
    (Any(of=(Sex(sex="m"), Not(of=Sex(sex="f")), All(of=(Age(years=R(30)),
     Reach(channel="email"))))),
     "are men, or everybody but: are women, or (are at least 30 years old, and have "
     "an e-mail address)",
     "мужчины, или все, кроме таких: женщины, или (возраст: не младше 30 лет, и "
     "есть адрес почты)"),
    (Bought(times=R(1)),
     "bought",
     "покупали"),
    (Bought(times=R(21)),
     "bought at least 21 times",
     "покупали не менее 21 раза"),
    (Bought(times=R(None, 1)),
     "bought at most 1 time",
     "покупали не более 1 раза"),
    (Bought(times=R(2, 2)),
     "bought exactly 2 times",
     "покупали ровно 2 раза"),
    (Bought(times=R(2, 5)),
     "bought 2 to 5 times",
     "покупали от 2 до 5 раз"),
    (Bought(when=Span(within_days=1)),
     "bought in the last 1 day",
     "покупали за последний 1 день"),
    (Bought(when=Span(within_days=2)),
     "bought in the last 2 days",
     "покупали за последние 2 дня"),
    (Bought(when=Span(before_days=21)),
     "bought at least 21 days ago",
     "покупали не менее 21 дня назад"),
    (Bought(when=Span(within_days=90, before_days=30)),
     "bought 30 to 90 days ago",
     "покупали от 30 до 90 дней назад"),
    (Bought(when=Span(within_days=0)),
     "bought today",
     "покупали сегодня"),
    (Bought(when=Span(since=date(2026, 3, 1), until=date(2026, 5, 8))),
     "bought since 1 March, until 8 May",
     "покупали с 1 марта, до 8 мая"),
    (Bought(when=Span(since=date(2025, 3, 1), until=date(2025, 3, 1))),
     "bought on 1 March 2025",
     "покупали 1 марта 2025"),
    (Visited(times=R(None, 0)),
     "did not visit the shop",
     "не заходили в магазин"),
    (Place(),
     "live anywhere",
     "живут где угодно"),
    (Orders(),
     "whatever they ordered",
     "заказывали сколько угодно"),
    (Origin(),
     "came",
     "пришли"),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "en", "ru"), WORDS)
def test_a_segment_is_said_in_one_sentence(tree: Node, en: str, ru: str) -> None:
    """R20, N2: in the language of the page, with its plural forms."""
    assert say(tree, plain_speech("en", NOW), NAMES) == en
    assert say(tree, plain_speech("ru", NOW), NAMES) == ru


def test_every_condition_is_said() -> None:
    """A new leaf without words, or without a case here, is noticed."""
    said: set[str] = set()

    def walk(node: Node) -> None:
        said.add(node.leaf)
        inside = getattr(node, "of", ())
        for one in inside if isinstance(inside, tuple) else (inside,):
            walk(one)

    for tree, _en, _ru in WORDS:
        walk(tree)
    inner = typing.get_args(typing.get_args(segments.Inner)[0])
    assert said == {one.model_fields["leaf"].default for one in inner}


def test_a_double_no_is_a_yes_and_who_is_left_out_is_said_last() -> None:
    """R24: as one would say it."""
    woman, old = Sex(sex="f"), Age(years=R(60))
    speech = plain_speech("en", NOW)
    assert say(Not(of=Not(of=woman)), speech, NAMES) == "are women"
    mixed = All(of=(Not(of=old), woman))
    assert say(mixed, speech, NAMES) == "are women, and not: are at least 60 years old"
    outline = lines(mixed, speech, NAMES)
    assert [one.is_left_out for one in outline.lines] == [True, False]
