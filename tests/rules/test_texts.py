"""The alphabet, Liquid and its checks (R25, R27). Sizes and swaps have files of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import gsm, texts
from ringdove.rules.texts import TemplateBroken

GSM_TEXT = st.text(alphabet=sorted(gsm.LETTERS), max_size=1000)


@given(GSM_TEXT)
def test_the_alphabet_there_and_back(text: str) -> None:
    assert texts.decode_gsm(texts.encode_gsm(text)) == text
    assert len(texts.encode_gsm(text)) == gsm.septets(text)


@given(st.binary(max_size=300))
def test_any_octets_decode(octets: bytes) -> None:
    assert set(texts.decode_gsm(octets)) <= gsm.LETTERS


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x00\x02\x10", "@$Δ"),
        (b"\x1b\x65", "€"),
        (b"\x1bA", "A"),  # no such extension: the basic letter
        (b"a\x1b", "a "),
        (b"\x1b\x1b", " "),
        (b"\x1b\x00", "@"),
        (b"\x80\xff\x1b\xe5", "???"),
    ],
)
def test_odd_octets_read_as_the_standard_says(octets: bytes, text: str) -> None:
    """GSM 03.38 §6.2.1.1."""
    assert texts.decode_gsm(octets) == text


def test_a_letter_the_alphabet_lacks_becomes_a_question_mark() -> None:
    assert texts.encode_gsm("aя€") == b"a?\x1b\x65"


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        (
            "Hi {{ customer.first_name }}, it is here",
            {"customer": {"first_name": "Anna"}},
            "Hi Anna, it is here",
        ),
        ("Hi {{ customer.first_name }}, it is here", {}, "Hi, it is here"),
        ("{{ customer.first_name }}, your order is here", {}, "Your order is here"),
        ("{{ customer.first_name }}, ваш заказ", {"customer": {}}, "Ваш заказ"),
        ("Order {{ order.number }} with {{ parcel.carrier }}.", {}, "Order with."),
        ("Sent ({{ parcel.carrier }}) today", {}, "Sent today"),
        ("A, {{ x }}, {{ y }}, B", {}, "A, B"),
        ("Point: A, {{ x }}.", {}, "Point: A."),
        ("None is nothing: {{ x }}!", {"x": None}, "None is nothing: !"),
        ("https://s.example/?a=,,1 ok", {}, "https://s.example/?a=,,1 ok"),
        ("a\n\n\n\n{{ x }}\nb", {}, "a\n\nb"),
        ("Salut !", {}, "Salut !"),
        (
            "{% for item in order.items %}{{ item.name }} {% endfor %}",
            {"order": {"items": [{"name": "Tea"}, {"name": "Cup"}]}},
            "Tea Cup",
        ),
        ("{{ customer.first_name | default: 'friend' }}", {}, "friend"),
        ("a{% if order.url %} {{ order.url }}{% endif %}.", {}, "a."),
    ],
)
def test_what_is_missing_leaves_no_trace(
    template: str, values: dict[str, object], text: str
) -> None:
    """R25."""
    assert texts.render(template, values) == text


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{ a", 1),
        ("a\n{% if %}", 2),
        ("{% if a %}b", 1),
        ("a\n{{ a | shout }}", 2),
        ("{% include 'x' %}", 1),
        ("{{ 'now' | date: '%Y' }}", 1),
        ("a\n\n{{ (1..1000000000) | join }}", 3),
        ("{% for i in (1..9) %}{% endfor %}", 1),
        ("{{ 1 | divided_by: 0 }}", 1),
        ("a" * 20_000, 1),
    ],
)
def test_a_broken_template_says_where(template: str, line: int) -> None:
    with pytest.raises(TemplateBroken) as caught:
        texts.render(template, {})
    assert caught.value.line == line


def test_a_template_cannot_run_away() -> None:
    with pytest.raises(TemplateBroken):
        texts.render("{% for a in x %}y{% endfor %}", {"x": list(range(1001))})
    with pytest.raises(TemplateBroken):
        texts.render("{{ x }}", {"x": "y" * 50_000})


def test_the_values_a_template_asks_for() -> None:
    template = (
        "{% for i in order.items %}{{ i.name }}{{ forloop.index }}{% endfor %}"
        "{{ order['number'] }}{{ a.b[0].c }}{% assign q = 5 %}{{ q }}{% if shop.url %}{% endif %}"
    )
    assert texts.variables(template) == {"order.items", "order.number", "a.b", "shop.url"}


def test_check_speaks_plainly() -> None:
    assert texts.check("{{ order.number }} {{ order.items.size }}") == []
    assert texts.check("{{ order.nmber }}{{ order }}") == [
        "“order” is not a value Ringdove knows here.",
        "“order.nmber” is not a value Ringdove knows here: did you mean “order.number”?",
    ]
    assert texts.check("a\n{{ x | shout }}") == ["Line 2: there is no filter “shout”"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("customer.fistname", "customer.first_name"),
        ("customer.firstname", "customer.first_name"),
        ("client.first_name", "customer.first_name"),
        ("first_name", "customer.first_name"),
        ("order.sum", ""),
        ("order.payment_link", "order.payment_url"),
        ("orders.number", "order.number"),
        ("order", ""),
        ("zzz.qqq", ""),
    ],
)
def test_the_name_that_was_meant(path: str, meant: str) -> None:
    """R25."""
    assert texts.nearest(path, texts.KNOWN_VARIABLES) == meant


@pytest.mark.parametrize(
    ("template", "calls"),
    [
        ("Sale! Tap here to buy: https://s.example/a", True),
        ("Sale: www.shop.example", True),
        ("Sale: s.by/abc12", True),
        ("Sale: {{ shop.url }}", True),
        ("{% if order.payment_url %}Pay: {{ order.payment_url }}{% endif %}", True),
        ("Use code: SPRING10 until Friday", True),
        ("Usa il codice “ESTATE”", True),
        ("Con el código VERANO-5", True),
        ("Введите промокод ЛЕТО10", False),  # a code in Cyrillic letters cannot be typed at a till
        ("Введите промокод LETO10", True),
        ("Sale of everything until Friday. Come soon.", False),
        ("Read the code of conduct", False),
        ("Everything for 9.99/kg", False),
        ("Hello {{ customer.first_name }}", False),
        ("{{ broken", False),
        ("", False),
    ],
)
def test_something_to_do(template: str, calls: bool) -> None:
    """R27: a link or a code."""
    assert texts.has_call(template) is calls


@pytest.mark.parametrize(
    ("template", "leaves"),
    [("Sale! {{ stop_url }}", True), ("Sale! Reply STOP to end", True),
     ("Скидки. Отказ: СТОП", True), ("Отписаться: ответьте 0", True),
     ("Rebajas. BAJA para salir", True), ("Sale!", False),
     ("Non-stop sale", False), ("Stopwatch -20%", False), ("{{ stop_url", False), ("", False)],
)  # fmt: skip
def test_an_offer_says_how_to_leave(template: str, leaves: bool) -> None:
    """R5."""
    assert texts.has_way_out(template) is leaves
