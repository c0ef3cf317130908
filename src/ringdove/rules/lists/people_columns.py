"""Which column of a list is what: by the words of its title in six languages, else by its cells.

A guess, never a decision: whoever brings the list sees it with examples and corrects it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ringdove.rules.lists.people_files import Look
from ringdove.rules.people import phones
from ringdove.rules.sending.price_files import country_named

# In the order of the page. field/… are the shop's own.
TARGETS = (
    "phone", "email", "account", "name", "first_name", "last_name", "language", "country",
    "region", "city", "sex", "birthday", "children", "consent", "consent_date", "topics",
)  # fmt: skip
FIELD = "field/"
LOOKED_AT = 100

# English, Russian, Belarusian, Italian, Spanish, Polish. The first that fits counts: a date of
# consent is told from consent, a first name from a name.
_WORDS: tuple[tuple[str, str], ...] = (
    ("consent_date", r"(?:consent|opt.?in|subscri\w+|agree\w*)[ _-]*(?:date|at|on|time)\b"
     r"|date of (?:consent|subscription)|дата (?:согласи|подписк)|дата (?:згод|падпіск)"
     r"|data (?:del )?(?:consenso|iscrizione)|data zgody|fecha (?:de(?:l)? )?(?:consent|suscrip)"),
    ("topics", r"topics?\b|interests?\b|темы|тематик|интерес|тэмы|argomenti|interessi|temas"
     r"|tematy"),
    ("consent", r"consent|opt.?in|subscri|accepts?.(?:sms|marketing)|marketing|newsletter"
     r"|согласи|подписк|подписан|рассылк|згод|падпіск|consenso|iscritt|consentimiento|suscri"
     r"|zgod[ay]"),
    ("children", r"child|kids|дет(?:и|ей)|ребен|ребён|дзец|дзяц|figli|bambin|hij[oa]s|niñ|dziec"),
    ("birthday", r"birth|b-?day|\bdob\b|рожден|\bд\.? ?р\.?$|нарадж|nascita|compleanno|nacimiento"
     r"|cumple|urodz"),
    ("phone", r"phone|mobile|\bmsisdn\b|\btel\b|cell|\bsms\b|телефон|моб\w*\b|\bтел\b|номер тел"
     r"|нумар|тэлефон|telefon|cellulare|móvil|movil|celular|komórk|numer tel"),
    ("email", r"e-?mail|\bmail\b|почт|пошт|имейл|posta el|correo|poczt"),
    ("first_name", r"first.?name|given.?name|\bимя\b(?!.*(?:фам|полн))|^імя$|^ім'я$|^nome$|^nombre$"
     r"|imi[eę]\b(?!.*nazw)|forename"),
    ("last_name", r"last.?name|family.?name|surname|фамили|прозвіш|cognome|apellido|nazwisko"),
    ("name", r"\bname\b|full.?name|\bфио\b|customer|клиент|покупател|кліент|імя|nome|nombre|imię"
     r"|nominativo|cliente|klient"),
    ("account", r"account|customer.?(?:id|no|number)|client.?id|user.?id|\blogin\b|\bid\b|аккаунт"
     r"|логин|код клиента|номер клиента|codice cliente|cuenta|konto"),
    ("language", r"lang|язык|мова|lingua|idioma|język"),
    ("country", r"country|страна|краіна|paese|nazione|pa[ií]s|kraj\b"),
    ("region", r"region|state|province|област|регион|край\b|вобласц|regione|provincia|województ"),
    ("city", r"city|town|город|горад|населен|citt[aà]|comune|ciudad|localidad|miasto|miejscow"),
    ("sex", r"\bsex\b|gender|^пол$|\bпол\b|^пол |sesso|genere|sexo|género|płeć"),
)  # fmt: skip
_NAMED = tuple((name, re.compile(words, re.I)) for name, words in _WORDS)
# "ID" of a customer holds the word customer.
_AN_ACCOUNT = re.compile(
    r"(?:customer|client|клиент\w*|cliente|klient\w*).{0,3}(?:id|no|nr|код)\b", re.I
)
# A yes to letters is no yes to texts: never taken for one by itself.
_OF_LETTERS = re.compile(
    r"^(?!.*sms)(?=.*(?:e-?mail|почт|correo|poczt)).*(?:accept|opt.?in|subscri|market|consen|соглас"
    r"|подпис|рассыл|zgod|newsletter)",
    re.I,
)


def guess(
    seen: Look, country: str, own_fields: Mapping[str, Iterable[str]] | None = None
) -> dict[str, int]:
    """Which column holds what. `own_fields`: keys of the shop's own fields and what they are
    called."""
    found: dict[str, int] = {}
    titles = [(n, _plain(title)) for n, title in enumerate(seen.header) if title]
    for n, title in titles:
        for key, names in (own_fields or {}).items():
            if title in {_plain(name) for name in (key, *names)}:
                found.setdefault(FIELD + key, n)
    for n, title in titles:
        target = named(title)
        if target and target not in found and n not in found.values():
            found[target] = n
    if "name" in found and "last_name" in found and "first_name" not in found:
        found["first_name"] = found.pop("name")
    if "first_name" in found and "last_name" not in found and "name" not in found:
        found["name"] = found.pop("first_name")
    for target, looks_right in _LOOKS.items():
        if target in found:
            continue
        for n in range(seen.width):
            cells = [row[n] for row in seen.rows[:LOOKED_AT] if n < len(row) and row[n]]
            if n in found.values() or not cells:
                continue
            if sum(looks_right(cell, country) for cell in cells) > 0.8 * len(cells):
                found[target] = n
                break
    return found


def _plain(title: str) -> str:
    return re.sub(r"[\s_]+", " ", title).strip().casefold()


def named(title: str) -> str | None:
    """What a title says that its column is."""
    if not title or len(title) > 60:
        return None
    if _AN_ACCOUNT.search(title):
        return "account"
    if _OF_LETTERS.search(title):
        return None
    return next((name for name, words in _NAMED if words.search(title)), None)


def _is_phone(cell: str, country: str) -> bool:
    return isinstance(phones.parse(cell, country), phones.Phone)


_LOOKS: dict[str, Callable[[str, str], bool]] = {
    "email": lambda cell, country: bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", cell)),
    "phone": _is_phone,
    "country": lambda cell, country: bool(country_named(cell)),
}


def examples(seen: Look, most: int = 3) -> list[list[str]]:
    """Different values of each column, from its first rows."""
    found: list[list[str]] = []
    for n in range(seen.width):
        cells: Sequence[str] = [row[n] for row in seen.rows if n < len(row) and row[n]]
        found.append(list(dict.fromkeys(cells))[:most])
    return found
