"""The quick way of filling a text says what Liquid says, and leaves to Liquid what it cannot; the
browser fills as it does.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import languages, texts
from ringdove.rules.texts import templates
from tests.rules import browser

RECIPES = [
    (language, key, form)
    for language in languages.languages_present()
    for key, forms in languages.phrases(language)["recipes"].items()
    for form in forms
]
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _values(words: str) -> dict[str, dict[str, str]]:
    nouns: dict[str, dict[str, str]] = {}
    for path in texts.KNOWN_VARIABLES:
        noun, _, name = path.partition(".")
        nouns.setdefault(noun, {})[name] = words
    return nouns


def _both(template: str, values: dict[str, dict[str, str]]) -> tuple[str | None, str]:
    present = templates._present(values, templates._asked(template))
    liquid = templates._parsed(template).render(**present)
    return templates._fill(templates._simple(template), present), liquid


@pytest.mark.parametrize("language", languages.languages_present())
def test_every_recipe_is_said_the_same_both_ways(language):
    """One test a language: as thousands of tests they took a tenth of all fast ones' time."""
    said = languages.phrases(language)["recipes"]
    for words in ["Anna", "", "{{ shop.name }}", "a, b; c.", "<b>&amp;"]:
        values = _values(words)
        for _, key, form in (one for one in RECIPES if one[0] == language):
            quick, liquid = _both(said[key][form], values)
            assert quick in (None, liquid), (key, form, words)


@given(WORDS, WORDS, WORDS)
def test_any_words_and_values_are_said_the_same_both_ways(before, value, after):
    template = f"{before.replace('{', '')}{{{{ order.number }}}}{after.replace('{', '')}"
    quick, liquid = _both(template, {"order": {"number": value}})
    assert quick == liquid or (quick is None and "\r" in template + value)


@given(WORDS, WORDS, st.sampled_from(["", "x", "42, "]))
def test_a_stretch_is_said_when_its_value_is_there(before, inner, value):
    inner = inner.replace("{", "")
    template = (
        f"{before.replace('{', '')}{{% if order.url %}}{inner}{{{{ order.url }}}}{{% endif %}}"
    )
    quick, liquid = _both(template, {"order": {"url": value, "number": "42"}})
    assert quick == liquid or (quick is None and "\r" in template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ order.number | upcase }}", "{% if order %}x{% endif %}", "{{- order.number }}",
        "{% if order.url %}x{% else %}y{% endif %}", "{%- if order.url %}x{% endif %}",
        "{% if order.url %}{% if order.number %}x{% endif %}{% endif %}",
        "{{ order['number'] }}", "{{ order }}", "{ {{ order.number }}", "{{order.number.size}}",
    ],
)  # fmt: skip
def test_whatever_is_more_than_a_name_is_left_to_liquid(template):
    assert templates._simple(template) is None


def test_a_value_is_worked_out_only_when_it_is_asked_for():
    values = {"order": {"number": "42", "total": lambda: 1 / 0, "items": lambda: "Kettle"}}
    assert texts.render("{{ order.number }}: {{ order.items }}", values) == "42: Kettle"
    assert texts.render("{% if order.items %}{{ order.number }}{% endif %}", values) == "42"
    with pytest.raises(ZeroDivisionError):
        texts.render("{{ order.total }}", values)


def test_the_browser_fills_the_same() -> None:
    """R26: every ready text, and templates made of whatever leaves gaps."""
    chance = random.Random(9)
    bits = [
        "{{ customer.first_name }}", "{{order.number}}", ", ", ". ", "; ", "( )", "  ", "\n", " ,",
        "{% if order.url %}({{ order.url }}){% endif %}", "{% if a.b %}, {{ a.b }}{% endif %}", "!",
        "{% if order.url %}{{ nobody.here }}{% endif %}", "€“", "$&", "ваш заказ", "Ähm", "\n\n\n",
    ]  # fmt: skip
    values = {
        "customer": {"first_name": "Анна"},
        "order": {"number": "", "url": "https://s.by/$1,,a"},
        "shop": {"name": "S"},
    }
    ready = [languages.phrases(code)["recipes"][key][form].strip() for code, key, form in RECIPES]
    made = ["".join(chance.choices(bits, k=chance.randint(0, 9))) for _ in range(1_500)]
    answers = browser.ask("filling.js", "fill", [(one, values) for one in [*ready, *made]])
    for template, answer in zip([*ready, *made], answers, strict=True):
        if answer is not None or template in made:
            assert answer == texts.render(template, values), template
    assert sum(answer is not None for answer in answers[: len(ready)]) > 0.8 * len(ready)


def test_the_browser_leaves_the_rest_to_the_server() -> None:
    hard = [
        "{{ order.total | upcase }}", "{% if a.b %}{% if c.d %}{% endif %}{% endif %}", "{{ a",
        "{% for a in b %}{% endfor %}", "{{ order.number | latin }}", "a\rb", "{{ a.b.c }}",
    ]  # fmt: skip
    assert browser.ask("filling.js", "fill", [(one, {}) for one in hard]) == [None] * len(hard)
