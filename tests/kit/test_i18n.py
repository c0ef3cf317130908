"""Page texts from the translators' own files."""

from pathlib import Path

import pytest

from ringdove.kit import i18n

RUSSIAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || "
"n%100>=20) ? 1 : 2);\\n"

msgid "Customers"
msgstr "Покупатели"

msgctxt "verb"
msgid "Order"
msgstr "Заказать"

msgid "%(num)d text"
msgid_plural "%(num)d texts"
msgstr[0] "%(num)d сообщение"
msgstr[1] "%(num)d сообщения"
msgstr[2] "%(num)d сообщений"

#, fuzzy
msgid "Guess"
msgstr "Догадка"
"""


@pytest.fixture
def russian(tmp_path: Path) -> Path:
    file = tmp_path / "pages.po"
    file.write_text(RUSSIAN, encoding="utf-8")
    return file


def test_texts_contexts_and_three_plurals(russian: Path) -> None:
    texts = i18n.read_catalogue(russian, "ru")
    assert texts.gettext("Customers") == "Покупатели"
    assert texts.pgettext("verb", "Order") == "Заказать"
    spoken = [texts.ngettext("%(num)d text", "%(num)d texts", n) % {"num": n} for n in (1, 3, 11)]
    assert spoken == ["1 сообщение", "3 сообщения", "11 сообщений"]


def test_what_is_missing_or_only_guessed_shows_in_english(russian: Path) -> None:
    texts = i18n.read_catalogue(russian, "ru")
    assert texts.gettext("Guess") == "Guess"
    assert texts.gettext("Nobody translated this") == "Nobody translated this"
    assert texts.ngettext("%(num)d cat", "%(num)d cats", 2) == "%(num)d cats"


def test_an_unknown_language_is_english() -> None:
    assert i18n.catalogue("xx").gettext("Customers") == "Customers"
    assert i18n.languages()[0] == "en"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de, en;q=0.5, ru;q=0.7", "ru"),
        ("de", "en"),
        ("", "en"),
        ("ru;q=0, en;q=0.1", "en"),
        ("ru;q=zwei", "en"),
    ],
)
def test_the_browser_is_asked_for_the_language(accept: str, wanted: str) -> None:
    assert i18n.best_language(accept, ["en", "ru"]) == wanted
