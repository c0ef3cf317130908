"""The pretend customers: names, addresses and phones of six countries, as people type them.

Their numbers look real and may belong to somebody: the demo has no way out but the sandbox. Mail
goes to example.com (RFC 2606) and stays in the demo's own mailbox anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ringdove.demo.chance import Chance, Weighed


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as the shop's address book has them."""

    number: int  # the shop's own customer id; guests have none in their orders
    first_name: str
    last_name: str
    country: str
    language: str
    phone: str  # E.164; empty where the typed one is doubtful
    typed_phone: str  # as it stands in the order form
    email: str
    city: str
    state: str
    postcode: str
    street: str
    is_guest: bool

    @property
    def name(self) -> str:
        """As it is written on a parcel."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Country:
    """What people of a country are called, and how they write their numbers."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]  # for a woman, behind a slash, where it differs
    places: tuple[str, ...]  # city/state/postcode
    streets: tuple[str, ...]
    languages: Weighed[str]
    prefixes: tuple[str, ...]  # of mobile numbers, after the country code
    code: str
    digits: int  # behind the prefix
    typed: tuple[Callable[[str, str], str], ...]  # prefix, rest → as people write it


def _pairs(digits: str, *lengths: int) -> str:
    found, at = [], 0
    for length in lengths:
        found.append(digits[at : at + length])
        at += length
    return "-".join(found)


_BY = Country(
    tuple("Анна Мария Ольга Екатерина Наталья Ирина Алеся Юлия Татьяна Дарья Светлана Вероника "
          "Полина Ганна Кацярына Аксана Людмила Елена".split()),
    tuple("Александр Дмитрий Сергей Андрей Максим Павел Алексей Антон Мікалай Алесь Игорь "
          "Виктор Янка".split()),
    tuple("Коваль Мороз Шевчук Лебедев/Лебедева Новик Бондарь Кравченко Савицкий/Савицкая "
          "Жук Козлов/Козлова Вайтовіч Климович Астапенко Лукашевич Гончар Крук Станкевич "
          "Михайлов/Михайлова Барановский/Барановская Сакович".split()),
    ("Минск/HM/220030", "Минск/HM/220114", "Гомель/HO/246050", "Брест/BR/224030",
     "Гродно/HR/230025", "Витебск/VI/210001", "Могилёв/MA/212030", "Барановичи/BR/225401",
     "Борисов/MI/222120", "Пинск/BR/225710"),
    ("ул. Немига", "пр-т Независимости", "ул. Советская", "ул. Садовая", "ул. Липовая"),
    Weighed({"ru": 76.0, "be": 19.0, "en": 5.0}),
    ("291", "292", "296", "295", "333", "336", "339", "257", "445", "447"), "+375", 6,
    (
        lambda p, r: f"+375 {p[:2]} {p[2]}{_pairs(r, 2, 2, 2)}",
        lambda p, r: f"8 (0{p[:2]}) {p[2]}{_pairs(r, 2, 2, 2)}",
        lambda p, r: f"80{p}{r}",
        lambda p, r: f"375{p}{r}",
        lambda p, r: f"8-0{p[:2]}-{p[2]}{_pairs(r, 2, 4)}",
    ),
)  # fmt: skip
_RU = Country(
    tuple("Елена Ольга Анастасия Мария Светлана Наталия Ксения Алина Вера Надежда".split()),
    tuple("Иван Алексей Михаил Роман Николай Владимир Егор Артём".split()),
    tuple("Иванов/Иванова Смирнов/Смирнова Кузнецов/Кузнецова Попов/Попова Соколов/Соколова "
          "Волков/Волкова Зайцев/Зайцева Орлов/Орлова Морозов/Морозова".split()),
    ("Москва/MOW/101000", "Санкт-Петербург/SPE/190000", "Смоленск/Смоленская область/214000",
     "Казань/TA/420000", "Екатеринбург/SVE/620000", "Новосибирск/NVS/630000",
     "Калининград/KGD/236000", "Самара/SAM/443000"),
    ("ул. Мира", "Ленинский пр-т", "ул. Гагарина", "Лесная ул."),
    Weighed({"ru": 1.0}), ("903", "910", "916", "921", "926", "965", "985"), "+7", 7,
    (
        lambda p, r: f"+7 ({p}) {_pairs(r, 3, 2, 2)}",
        lambda p, r: f"8 {p} {_pairs(r, 3, 2, 2)}",
        lambda p, r: f"8{p}{r}",
        lambda p, r: f"+7{p}{r}",
    ),
)  # fmt: skip
_IT = Country(
    tuple("Giulia Chiara Francesca Sara Martina Elena Paola Silvia Anna".split()),
    tuple("Marco Luca Andrea Matteo Davide Paolo Stefano Giorgio".split()),
    tuple("Rossi Bianchi Ferrari Esposito Romano Colombo Ricci Marino Greco Conti".split()),
    ("Milano/MI/20121", "Torino/TO/10121", "Roma/RM/00184", "Bologna/BO/40121",
     "Firenze/FI/50122", "Verona/VR/37121"),
    ("Via Roma", "Corso Garibaldi", "Via dei Tigli", "Viale Europa"),
    Weighed({"it": 1.0}), ("328", "333", "338", "347", "349", "366"), "+39", 7,
    (
        lambda p, r: f"{p} {r}",
        lambda p, r: f"+39 {p} {r}",
        lambda p, r: f"0039{p}{r}",
        lambda p, r: f"{p}/{r}",
    ),
)  # fmt: skip
_ES = Country(
    tuple("Lucía Carmen Marta Laura Paula Elena Sofía Alba".split()),
    tuple("Javier Pablo Sergio Álvaro Diego Daniel Jorge Adrián".split()),
    tuple("García Fernández López Martínez Sánchez Pérez Gómez Ruiz Moreno Jiménez".split()),
    ("Madrid/M/28013", "Barcelona/B/08002", "Valencia/V/46002", "Sevilla/SE/41001",
     "Bilbao/BI/48001", "Las Palmas/GC/35001"),
    ("Calle Mayor", "Avenida de la Constitución", "Calle del Tilo", "Calle Real"),
    Weighed({"es": 1.0}), ("61", "62", "63", "65", "66", "69"), "+34", 7,
    (
        lambda p, r: f"{p}{r[0]} {r[1:3]} {r[3:5]} {r[5:]}",
        lambda p, r: f"+34 {p}{r}",
        lambda p, r: f"{p}{r}",
    ),
)  # fmt: skip
_PL = Country(
    tuple("Anna Katarzyna Małgorzata Agnieszka Zofia Hanna Magdalena".split()),
    tuple("Piotr Krzysztof Tomasz Jakub Michał Paweł Kamil".split()),
    tuple("Nowak Kowalski/Kowalska Wiśniewski/Wiśniewska Wójcik Kamiński/Kamińska Mazur "
          "Zieliński/Zielińska Lipowski/Lipowska".split()),
    ("Warszawa/MZ/00-001", "Białystok/PD/15-001", "Kraków/MA/30-001", "Gdańsk/PM/80-001",
     "Lublin/LU/20-001"),
    ("ul. Lipowa", "ul. Długa", "Aleje Jerozolimskie", "ul. Ogrodowa"),
    Weighed({"pl": 1.0}), ("501", "505", "512", "601", "602", "605", "691", "721"), "+48", 6,
    (
        lambda p, r: f"{p} {r[:3]} {r[3:]}",
        lambda p, r: f"+48 {p} {r[:3]} {r[3:]}",
        lambda p, r: f"{p}-{r[:3]}-{r[3:]}",
    ),
)  # fmt: skip
_GB = Country(
    tuple("Emily Charlotte Grace Alice Hannah Lucy Margaret Eleanor".split()),
    tuple("Oliver George Harry Thomas James William Edward".split()),
    tuple("Smith Taylor Brown Wilson Evans Thompson Walker Wright Hughes".split()),
    ("London/ENG/SE1 7PB", "Bristol/ENG/BS1 4DJ", "Edinburgh/SCT/EH1 1YZ", "Cardiff/WLS/CF10 1EP",
     "Leeds/ENG/LS1 4DY"),
    ("High Street", "Station Road", "Linden Grove", "Church Lane"),
    Weighed({"en": 1.0}), ("7400", "7712", "7800", "7985"), "+44", 6,
    (
        lambda p, r: f"0{p} {r}",
        lambda p, r: f"+44 {p} {r}",
        lambda p, r: f"0{p}{r}",
    ),
)  # fmt: skip

COUNTRIES = {"BY": _BY, "RU": _RU, "IT": _IT, "ES": _ES, "PL": _PL, "GB": _GB}
HOME = Weighed({"BY": 62.0, "RU": 15.0, "PL": 7.0, "IT": 6.0, "ES": 5.0, "GB": 5.0})
ABROAD = Weighed({"GB": 80.0, "IT": 10.0, "PL": 10.0})
# Two of each hundred leave something in the field that nobody can be sure of (P9).
DOUBTFUL = ("029 11-22", "позвоните жене", "8O29 1112233", "12345", "-", "555 0100", "нет телефона")
_LATIN = str.maketrans(
    "абвгдезийклмнопрстуфхцыіэёąćęłńóśźżàèéìòùáíóúüñ",
    "abvgdeziiklmnoprstufhcyieeacelnoszzaeeiouaiouun",
    "ъьў'",
)
_LATIN_LONG = {"ж": "zh", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya"}


@cache
def everybody(seed: str, count: int, homes: Weighed[str] = HOME) -> tuple[Person, ...]:
    """So many customers; each has a phone of their own, or one that is doubtful."""
    chance, taken = Chance(seed, "people"), set[str]()
    people: list[Person] = []
    while len(people) < count:
        person = somebody(chance, len(people) + 1, chance.weighed(homes))
        if person.phone not in taken:
            people.append(person)
            if person.phone:
                taken.add(person.phone)
    return tuple(people)


def somebody(chance: Chance, number: int, home: str) -> Person:
    """A new customer of a country."""
    country = COUNTRIES[home]
    is_woman = chance.happens(0.68)
    first = chance.one_of(country.women if is_woman else country.men)
    man, _, woman = chance.one_of(country.families).partition("/")
    last = woman if is_woman and woman else man
    city, state, postcode = chance.one_of(country.places).split("/")
    prefix = chance.one_of(country.prefixes)
    rest = "".join(str(chance.below(10)) for _ in range(country.digits))
    typed, phone = chance.one_of(country.typed)(prefix, rest), f"{country.code}{prefix}{rest}"
    if chance.happens(0.012):
        typed, phone = chance.one_of(DOUBTFUL), ""
    street = f"{chance.one_of(country.streets)}, {chance.below(120) + 1}-{chance.below(80) + 1}"
    has_email = chance.happens(0.93) or not phone
    return Person(
        number, first, last, home, chance.weighed(country.languages), phone, typed,
        f"{_latin(first)}.{_latin(last)}{number}@example.com" if has_email else "",
        city, state, postcode, street, is_guest=chance.happens(0.3),
    )  # fmt: skip


def _latin(name: str) -> str:
    word = "".join(_LATIN_LONG.get(letter, letter) for letter in name.lower())
    return word.translate(_LATIN)
