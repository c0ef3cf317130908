"""Cheaper spellings: what changes, what it saves, and what is a choice (N6)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import gsm, texts
from ringdove.rules.texts import Measure, spelling


def test_swaps_that_save_a_part() -> None:
    """N6."""
    [quotes] = texts.swaps("“Sale” " + "a" * 100)
    assert quotes.changes == (("“", '"'), ("”", '"'))
    assert quotes.parts_saved == 1
    assert texts.measure(quotes.text) == Measure("GSM-7", 107, 1)
    [both] = texts.swaps("Rеply STOP… " + "a" * 100)  # a Cyrillic е in "Reply"
    assert dict(both.changes) == {"…": "...", "е": "e"}
    [accents] = texts.swaps("Tu envío está aquí " + "a" * 60)
    assert accents.text.startswith("Tu envio esta aqui")


def test_no_swap_without_a_saving() -> None:
    assert texts.swaps("“Short”") == []
    assert texts.swaps("Привет, “друг”! " + "я" * 100) == []
    assert texts.swaps("a" * 300) == []


@pytest.mark.parametrize(
    ("text", "kind", "becomes"),
    [
        ("“Sale”", "typographic", '"Sale"'),
        ("Cafe\u0301, €\u00a05", "typographic", "Café, € 5"),  # e and a loose accent
        ("Rерly", "look_alikes", "Reply"),
        ("“Rерly”", "look_alikes", '"Reply"'),
        ("Está aquí, ¿ok?", "accents", "Esta aqui, ¿ok?"),
        ("Łódź – “tu”", "accents", 'Lodz - "tu"'),
        ("n\u0303 x\u0328", "accents", "ñ x"),
        ("Sale 🎉🎉 now", "pictures", "Sale now"),
        ("Sale now 👍🏽", "pictures", "Sale now"),
        ("❤️ “Sale”", "pictures", ' "Sale"'),
    ],
)
def test_the_boldest_change_names_the_proposal(text: str, kind: str, becomes: str) -> None:
    long = " " + "a" * 100
    [found] = texts.swaps(text + long)
    assert (found.kind, found.text, found.parts_saved) == (kind, becomes + long, 1)
    assert all(before != after for before, after in found.changes)


def test_bolder_changes_only_where_they_save_more() -> None:
    """A quote makes 3 parts of 2, and no proposal beyond it is made."""
    [quotes] = texts.swaps("“" + "a" * 150)
    assert quotes.kind == "typographic"
    assert texts.swaps("“" + "a" * 150 + "я") == []
    [blanks] = texts.swaps("я" * 68 + "í\u200b\u200b")  # it stays dear, yet a part goes
    assert blanks.kind == "typographic" and "í" in blanks.text


def test_a_saving_is_told_in_money_where_the_price_is_known() -> None:
    [found] = texts.swaps("“" + "a" * 150, per_part=Decimal("0.045"))
    assert found.parts_saved == 2 and found.money_saved == Decimal("0.090")
    assert texts.swaps("“" + "a" * 150)[0].money_saved is None


def test_a_national_table_needs_no_swap() -> None:
    turkish = (
        "Siparişiniz kargoya verildi, bugün kapınızda olacak. İyi günler, iyi alışverişler dileriz"
    )
    assert texts.measure(turkish).parts == 2 and texts.swaps(turkish)
    assert texts.measure(turkish, "tr").parts == 1 and texts.swaps(turkish, "tr") == []


@given(st.text(st.sampled_from("aя“…íłе🎉\u0301\u00a0№ ."), max_size=300))
def test_a_proposal_keeps_what_it_promises(text: str) -> None:
    before = texts.measure(text).parts
    found = texts.swaps(text)
    for one in found:
        assert before - texts.measure(one.text).parts == one.parts_saved > 0
    assert [one.parts_saved for one in found] == sorted({one.parts_saved for one in found})


# ------------------------------------------------------------------ Latin letters


@pytest.mark.parametrize(
    ("text", "language", "latin"),
    [
        ("Ваш заказ уже в пути", "ru", "Vash zakaz uzhe v puti"),
        ("Щи. ЩИ. Щ! ЩА Ёлка, объезд, семья", "", "Shchi. SHCHI. Shch! SHCHA Yolka, obezd, semya"),
        ("Ваша замова ўжо ў дарозе, Ганна", "", "Vasha zamova uzho u daroze, Hanna"),
        ("Ганна", "be", "Hanna"),
        ("Ґанок, їжак, Юлія, щастя", "", "Ganok, izhak, Iuliia, shchastia"),
        ("Здравей, щастие", "bg", "Zdravey, shtastie"),
        ("Цена «12 €» – “ок” №5", "", 'Tsena "12 €" - "ok" No.5'),
        ("plain", "", "plain"),
        ("größe é", "", "größe é"),
    ],
)
def test_cyrillic_in_latin_letters(text: str, language: str, latin: str) -> None:
    assert texts.to_latin(text, language) == latin


@given(st.text(st.sampled_from("".join(spelling._SMALL) + " .-"), max_size=50))
def test_every_cyrillic_letter_has_a_latin_one(text: str) -> None:
    for language in ("", *spelling.LANGUAGES):
        assert gsm.fits(texts.to_latin(text, language))
        assert gsm.fits(texts.to_latin(text.upper(), language))


def test_latin_letters_are_a_choice_of_their_own() -> None:
    """N6: never mixed with look-alikes."""
    text = "Ваш заказ 1042 уже в пути: курьер привезёт его завтра с 14 до 18 часов, ждите"
    assert texts.swaps(text) == []
    found = texts.in_latin(text, "ru", per_part=Decimal("0.05"))
    assert found and (found.kind, found.parts_saved) == ("latin", 1)
    assert found.money_saved == Decimal("0.05")
    assert found.text.startswith("Vash zakaz 1042 uzhe v puti")
    assert ("ж", "zh") in found.changes
    assert texts.in_latin("Коротко") is None and texts.in_latin("a" * 200) is None


# ------------------------------------------------------------------ templates

VALUES = {
    "customer": {"first_name": "Анна"},
    "order": {"number": "1042", "url": "https://s.by/1"},
    "shop": {"name": "José"},
}


def test_a_template_is_respelled_with_what_is_filled_in() -> None:
    template = "{{ customer.first_name }}, ваш заказ {{order.number}} уже в пути: " + "слово " * 10
    [found] = texts.offers(template, VALUES, "ru")
    assert found.kind == "latin"
    assert found.text.startswith(
        "{{ customer.first_name | latin }}, vash zakaz {{ order.number | latin }} uzhe v puti"
    )
    assert texts.render(found.text, VALUES).startswith("Anna, vash zakaz 1042 uzhe")
    assert found.parts_saved == 1
    assert not texts.check(found.text)
    [belarusian] = texts.offers(template, VALUES, "be")
    assert '{{ customer.first_name | latin: "be" }}' in belarusian.text
    [again] = texts.offers(found.text + " ё" + "я" * 80, VALUES, "ru")
    assert again.text.count("| latin") == 2, "a filter stands there once"


def test_names_with_accents_get_the_filter_that_takes_them_off() -> None:
    values = {"customer": {"first_name": "Zoë Ruíz"}}
    template = "{{ customer.first_name }}, " + "a" * 90
    [found] = texts.offers(template, values)
    assert (found.kind, found.parts_saved) == ("accents", 1)
    assert found.text.startswith("{{ customer.first_name | gsm }}, aaa")
    assert texts.render(found.text, values).startswith("Zoe Ruiz, aaa")


def test_tags_are_never_respelled() -> None:
    template = "“{% if order.url %}{{ order.url | default: '“' }}{% endif %}”" + "a" * 80
    [found] = texts.offers(template, VALUES)
    assert found.text.startswith(
        "\"{% if order.url %}{{ order.url | default: '“' }}{% endif %}\"aa"
    )


def test_filters_fill_in_the_quick_way_too() -> None:
    from ringdove.rules.texts import templates

    for template in ("{{ customer.first_name | latin }}!", '{{customer.first_name | latin: "be"}}!',
                     "{{ customer.first_name | gsm }}{{ nobody.here | latin }}"):  # fmt: skip
        simple = templates._simple(template)
        assert simple is not None
        present = templates._present(VALUES, templates._asked(template))
        assert templates._fill(simple, present) == templates._parsed(template).render(**present)
