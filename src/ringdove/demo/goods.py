"""The pretend shop's catalogue: about 300 goods in 15 categories, named in five languages.

Every name is made up here from a few syllables; nothing of it is anybody's product.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from ringdove.demo.chance import Chance

LANGUAGES = ("en", "ru", "be", "it", "es")
PER_KIND = 5

# category (in the five languages) | lowest and highest price | kinds: en/ru/be/it/es
_SHELVES = """
Tea/Чай/Чай/Tè/Té | 9-38 | Green tea/Зелёный чай/Зялёны чай/Tè verde/Té verde; Black tea/Чёрный чай/Чорны чай/Tè nero/Té negro; Herbal tea/Травяной чай/Травяны чай/Tisana/Infusión; Tea set/Чайный набор/Чайны набор/Set da tè/Juego de té
Coffee/Кофе/Кава/Caffè/Café | 14-62 | Coffee beans/Кофе в зёрнах/Кава ў зернях/Caffè in grani/Café en grano; Ground coffee/Молотый кофе/Молатая кава/Caffè macinato/Café molido; Coffee pot/Кофейник/Кафейнік/Caffettiera/Cafetera; Coffee mill/Кофемолка/Кавамолка/Macinacaffè/Molinillo
Mugs/Кружки/Кубкі/Tazze/Tazas | 12-45 | Mug/Кружка/Кубак/Tazza/Taza; Travel mug/Термокружка/Тэрмакубак/Tazza termica/Taza térmica; Cup with saucer/Чайная пара/Чайная пара/Tazza con piattino/Taza con plato; Set of mugs/Набор кружек/Набор кубкаў/Set di tazze/Juego de tazas
Ceramics/Керамика/Кераміка/Ceramica/Cerámica | 18-120 | Teapot/Чайник/Чайнік/Teiera/Tetera; Bowl/Миска/Міска/Ciotola/Cuenco; Vase/Ваза/Ваза/Vaso/Jarrón; Plate/Тарелка/Талерка/Piatto/Plato
Candles/Свечи/Свечкі/Candele/Velas | 8-42 | Scented candle/Ароматная свеча/Духмяная свечка/Candela profumata/Vela aromática; Beeswax candle/Свеча из воска/Васковая свечка/Candela di cera/Vela de cera; Candle holder/Подсвечник/Падсвечнік/Portacandele/Portavelas; Tealights/Чайные свечи/Чайныя свечкі/Lumini/Velitas
Blankets/Пледы/Пледы/Coperte/Mantas | 45-180 | Wool blanket/Шерстяной плед/Ваўняны плед/Coperta di lana/Manta de lana; Cotton throw/Хлопковый плед/Баваўняны плед/Plaid di cotone/Manta de algodón; Linen throw/Льняной плед/Льняны плед/Plaid di lino/Manta de lino; Baby blanket/Детский плед/Дзіцячы плед/Copertina/Mantita
Bed linen/Постель/Пасцель/Biancheria/Ropa de cama | 38-210 | Pillowcase/Наволочка/Навалачка/Federa/Funda; Bed set/Комплект белья/Камплект бялізны/Completo letto/Juego de cama; Pillow/Подушка/Падушка/Cuscino/Almohada; Fitted sheet/Простыня/Прасціна/Lenzuolo/Sábana
Towels/Полотенца/Ручнікі/Asciugamani/Toallas | 14-75 | Linen towel/Льняное полотенце/Льняны ручнік/Telo di lino/Toalla de lino; Bath towel/Банное полотенце/Лазневы ручнік/Telo da bagno/Toalla de baño; Kitchen towel/Кухонное полотенце/Кухонны ручнік/Canovaccio/Paño de cocina; Bathrobe/Халат/Халат/Accappatoio/Albornoz
Soap/Мыло/Мыла/Sapone/Jabón | 6-34 | Hand soap/Мыло для рук/Мыла для рук/Sapone mani/Jabón de manos; Olive soap/Оливковое мыло/Аліўкавае мыла/Sapone all'oliva/Jabón de oliva; Bath salt/Соль для ванны/Соль для ванны/Sali da bagno/Sales de baño; Hand cream/Крем для рук/Крэм для рук/Crema mani/Crema de manos
Kitchen/Кухня/Кухня/Cucina/Cocina | 11-140 | Cutting board/Разделочная доска/Апрацоўчая дошка/Tagliere/Tabla de cortar; Wooden spoon/Деревянная ложка/Драўляная лыжка/Cucchiaio di legno/Cuchara de madera; Apron/Фартук/Фартух/Grembiule/Delantal; Bread box/Хлебница/Хлебніца/Portapane/Panera
Lamps/Лампы/Лямпы/Lampade/Lámparas | 39-240 | Desk lamp/Настольная лампа/Настольная лямпа/Lampada da tavolo/Lámpara de mesa; Night light/Ночник/Начнік/Luce notturna/Luz de noche; Floor lamp/Торшер/Таршэр/Piantana/Lámpara de pie; String lights/Гирлянда/Гірлянда/Luci a filo/Guirnalda
Baskets/Корзины/Кошыкі/Cesti/Cestas | 22-95 | Wicker basket/Плетёная корзина/Плецены кошык/Cesto di vimini/Cesta de mimbre; Bread basket/Корзинка для хлеба/Кошык для хлеба/Cestino per pane/Cestita de pan; Storage box/Короб для вещей/Скрынка/Scatola/Caja; Shopping bag/Сумка/Торба/Borsa/Bolsa
Garden/Сад/Сад/Giardino/Jardín | 7-110 | Seeds/Семена/Насенне/Semi/Semillas; Flower pot/Кашпо/Кашпо/Vaso da fiori/Maceta; Watering can/Лейка/Палівачка/Annaffiatoio/Regadera; Garden gloves/Садовые перчатки/Садовыя пальчаткі/Guanti/Guantes
Paper/Бумага/Папера/Carta/Papelería | 5-36 | Notebook/Блокнот/Нататнік/Taccuino/Cuaderno; Postcards/Открытки/Паштоўкі/Cartoline/Postales; Gift wrap/Упаковка/Упакоўка/Carta regalo/Papel de regalo; Calendar/Календарь/Каляндар/Calendario/Calendario
Toys/Игрушки/Цацкі/Giocattoli/Juguetes | 15-88 | Wooden train/Деревянный поезд/Драўляны цягнік/Trenino/Tren de madera; Rag doll/Тряпичная кукла/Анучная лялька/Bambola/Muñeca; Puzzle/Пазл/Пазл/Puzzle/Puzle; Building blocks/Кубики/Кубікі/Costruzioni/Bloques
"""  # noqa: E501
_HEADS = (
    ("Ve", "Ве", "Ве"), ("Lo", "Ло", "Ло"), ("Mi", "Ми", "Мі"), ("Ra", "Ра", "Ра"),
    ("Ta", "Та", "Та"), ("No", "Но", "Но"), ("Su", "Су", "Су"), ("Ly", "Лю", "Лю"),
    ("Ko", "Ко", "Ко"), ("De", "Де", "Дэ"),
)  # fmt: skip
_TAILS = (
    ("lin", "лин", "лін"), ("mara", "мара", "мара"), ("ta", "та", "та"), ("nor", "нор", "нор"),
    ("sel", "сел", "сел"), ("dana", "дана", "дана"), ("ris", "рис", "рыс"), ("vo", "во", "во"),
    ("nia", "ния", "нія"), ("bel", "бел", "бел"),
)  # fmt: skip
_BRANDS = ("Linden", "Harrow & Daughters", "Nordlicht", "Lipa", "Casa Tiglio")


@dataclass(frozen=True, slots=True)
class Good:
    """One product, as the shop keeps it."""

    product_id: int
    sku: str
    names: dict[str, str]
    categories: dict[str, str]
    brand: str
    price: Decimal
    stock: int

    def name(self, language: str) -> str:
        """Its name for a customer."""
        return self.names.get(language, self.names["en"])


@cache
def catalogue() -> tuple[Good, ...]:
    """All goods."""
    chance = Chance("goods")
    goods: list[Good] = []
    for place, shelf in enumerate(_SHELVES.strip().splitlines()):
        category, prices, kinds = (part.strip() for part in shelf.split("|"))
        lowest, highest = map(int, prices.split("-"))
        for kind in kinds.split(";"):
            for n in range(PER_KIND):
                price = Decimal(int(chance.between(lowest, highest))) + Decimal("0.90")
                names = _names(kind.strip(), len(goods) * 7 + place, len(goods) * 3 + n)
                goods.append(_good(301 + len(goods), category, names, price, chance))
    return tuple(goods)


def _names(kind: str, head: int, tail: int) -> dict[str, str]:
    pairs = zip(_HEADS[head % 10], _TAILS[tail % 10], strict=True)
    latin, russian, belarusian = (first + last for first, last in pairs)
    made_up = (latin, russian, belarusian, latin, latin)
    whole = zip(LANGUAGES, kind.split("/"), made_up, strict=True)
    return {language: f"{word} {name}" for language, word, name in whole}


def _good(
    product_id: int, category: str, names: dict[str, str], price: Decimal, chance: Chance
) -> Good:
    return Good(
        product_id=product_id,
        sku=f"{category[:3].upper()}-{product_id}",
        names=names,
        categories=dict(zip(LANGUAGES, category.split("/"), strict=True)),
        brand=chance.one_of(_BRANDS),
        price=price,
        stock=chance.below(60),
    )
