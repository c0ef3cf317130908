"""What the people of a measurement are called and where they live: five languages, six countries.

Families are made of beginnings and endings, so that a million people share some thousands of names,
the common ones often, as in life. Tables only.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """Of `share` of 100 people."""

    code: str
    share: int
    languages: tuple[str, ...]
    dial: str
    prefixes: tuple[str, ...]  # of mobile numbers
    digits: int  # behind the prefix
    women: tuple[str, ...]  # the commonest first
    men: tuple[str, ...]
    begins: tuple[str, ...]  # of families
    ends: tuple[tuple[str, str], ...]  # a woman's and a man's
    cities: tuple[str, ...]
    zones: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_RUSSIAN_WOMEN = _words(
    "Анна Мария Елена Ольга Наталья Екатерина Татьяна Ирина Светлана Юлия Анастасия Дарья"
    " Марина Людмила Виктория Ксения Алёна Полина Вера Надежда Любовь Галина Валентина Софья"
    " Алиса Вероника Кристина Маргарита Оксана Жанна Яна Инна Лариса Фёкла Злата Ульяна"
)
_RUSSIAN_MEN = _words(
    "Александр Дмитрий Сергей Андрей Алексей Максим Иван Михаил Евгений Владимир Павел Роман"
    " Артём Николай Игорь Олег Виктор Кирилл Денис Антон Юрий Илья Константин Василий Егор"
    " Никита Пётр Семён Фёдор Глеб Тимофей Борис Степан Ярослав Матвей Захар"
)
_BEGINS = _words(
    "Иван Петр Смирн Кузнец Соколь Попов Лебед Козл Новик Мороз Волк Соловь Василь Зайц Павл"
    " Семен Голуб Виноград Богдан Воробь Федор Михайл Белик Тарас Бел Комар Орл Кисел Макар"
    " Андре Ковал Ильин Гусь Тит Кузьм Кудрявц Баран Кулик Алексе Степан Яковл Сорокин Серге"
    " Роман Захар Борис Королёв Герасим Пономар Григорь Лазар Медвед Ерш Никит Соболь Рябч"
    " Поляк Цветк Данил Жук Фрол Журавл Никола Крыл Максим Сидор Осип Белоус Федот Дорофе"
    " Егор Матве Бобр Дмитри Калин Анисим Петух Антон Тимофе Никифор Весел Филипп Марк"
)
_ITALIAN_BEGINS = _words(
    "Ross Ferr Esposit Bianch Roman Colomb Ricc Marin Grec Brun Gall Cont Mancin Cost Giordan"
    " Rizz Lombard Morett Barbier Fontan Santor Marian Rinald Caruso Ferrar Leon Long Gentil"
    " Martinell Vital Lombard Serr Coppol Marchett Parisell Vill Contin Ferraret Bianchin Fabbr"
)
_SPANISH_BEGINS = _words(
    "Garc Fernánd Gonzál Rodrígu Lóp Martín Sánch Pér Góm Jimén Muñ Rom Alons Gutiérr Navarr"
    " Torr Domíngu Vázqu Ram Gil Ramír Serran Blanc Molin Moral Suár Ortég Delgad Castr Ort"
)
_ENGLISH_BEGINS = _words(
    "Smith Johns Williams Brown Taylor Davi Wils Evan Thom Robert Walk Wright Robins Thomps"
    " White Hugh Edward Green Hall Wood Harri Martin Jacks Clark Lewi Turn Coop Hill Ward Mor"
    " Ander Phill Camp Mitch Shaw Benn Cart Coll Mill Bell Mason Hunt Palm Rich Mars Gray"
)
_POLISH_BEGINS = _words(
    "Nowa Kowal Wiśniew Wójcick Kamińs Lewandow Zielińs Szymańs Woźnia Dąbrow Kozłow Jankow Mazur"
    " Krawczy Piotrow Grabow Pawłow Michals Zając Wieczor Jabłońs Majew Olszew Stępie Malinow"
)

COUNTRIES: tuple[Country, ...] = (
    Country(
        "BY", 46, ("ru", "ru", "ru", "be"), "375", ("29", "33", "44", "25"), 7,
        _RUSSIAN_WOMEN, _RUSSIAN_MEN, _BEGINS,
        (("евич", "евич"), ("овская", "овский"), ("енко", "енко"), ("ова", "ов"), ("ук", "ук"),
         ("ина", "ин")),
        ("Минск", "Гомель", "Гродно", "Брест", "Витебск", "Могилёв", "Бобруйск", "Барановичи",
         "Борисов", "Пинск", "Орша", "Мозырь", "Солигорск", "Лида", "Полоцк"),
        ("Europe/Minsk",),
    ),
    Country(
        "RU", 14, ("ru",), "7", ("903", "916", "921", "926", "950", "981", "999"), 7,
        _RUSSIAN_WOMEN, _RUSSIAN_MEN, _BEGINS,
        (("ова", "ов"), ("ева", "ев"), ("ина", "ин"), ("ская", "ский"), ("енко", "енко")),
        ("Москва", "Санкт-Петербург", "Казань", "Смоленск", "Екатеринбург", "Новосибирск",
         "Королёв", "Самара", "Омск", "Владивосток"),
        ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk", "Asia/Vladivostok"),
    ),
    Country(
        "IT", 16, ("it",), "39", ("320", "328", "333", "340", "347", "366", "389"), 7,
        _words("Maria Anna Giulia Sofia Chiara Francesca Sara Martina Giorgia Elena Alessia"
               " Federica Valentina Silvia Paola Laura Maddalena Beatrice Ilaria Noemi"),
        _words("Marco Andrea Giuseppe Luca Francesco Antonio Alessandro Matteo Davide Lorenzo"
               " Simone Stefano Roberto Nicolò Gabriele Pietro Tommaso Riccardo Emanuele"),
        _ITALIAN_BEGINS,
        (("i", "i"), ("o", "o"), ("etti", "etti"), ("ini", "ini"), ("one", "one")),
        ("Roma", "Milano", "Napoli", "Torino", "Bologna", "Firenze", "Forlì", "Bari", "Catania"),
        ("Europe/Rome",),
    ),
    Country(
        "ES", 12, ("es",), "34", ("600", "611", "622", "633", "655", "666", "699"), 6,
        _words("María Carmen Ana Isabel Laura Cristina Marta Lucía Elena Paula Sara Raquel Nuria"
               " Irene Beatriz Inés Sofía Begoña Anna Rocío"),
        _words("Antonio José Manuel Francisco David Juan Javier Daniel Carlos Jesús Alejandro"
               " Miguel Rafael Pablo Álvaro Sergio Adrián Jorge Rubén Iñaki"),
        _SPANISH_BEGINS, (("ez", "ez"), ("ía", "ía"), ("o", "o"), ("ero", "ero"), ("as", "as")),
        ("Madrid", "Barcelona", "Valencia", "Sevilla", "Bilbao", "Málaga", "A Coruña", "Gijón"),
        ("Europe/Madrid",),
    ),
    Country(
        "PL", 7, ("pl",), "48", ("500", "512", "601", "660", "722", "790", "888"), 6,
        _words("Anna Maria Katarzyna Małgorzata Agnieszka Barbara Ewa Zofia Hanna Łucja Żaneta"),
        _words("Piotr Krzysztof Andrzej Tomasz Paweł Jan Michał Marcin Jakub Łukasz Stanisław"),
        _POLISH_BEGINS, (("ska", "ski"), ("k", "k"), ("czyk", "czyk"), ("icz", "icz")),
        ("Warszawa", "Kraków", "Łódź", "Wrocław", "Poznań", "Gdańsk", "Białystok"),
        ("Europe/Warsaw",),
    ),
    Country(
        "GB", 5, ("en",), "44", ("7400", "7500", "7700", "7800", "7911"), 6,
        _words("Olivia Emma Anna Amelia Sophie Emily Grace Alice Zoë Chloe Hannah Lucy"),
        _words("Oliver George Harry Jack Noah Thomas James William Leo O'Neil Henry Liam"),
        _ENGLISH_BEGINS, (("", ""), ("son", "son"), ("er", "er"), ("s", "s"), ("ton", "ton")),
        ("London", "Leeds", "Bristol", "Glasgow", "Cardiff", "York", "Belfast"),
        ("Europe/London",),
    ),
)  # fmt: skip
