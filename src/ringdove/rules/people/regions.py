"""Time zones of states and provinces, for countries that lie in several zones.

Keys are what shops put into an address: the short code (ISO 3166-2 without the country, as
WooCommerce and Shopify send it) and, for Russia, where shops leave the field free, the name. A
region that is missing here is no error: all zones of its country are then possible.
"""

_TABLE: dict[str, dict[str, str]] = {
    "US": {
        "America/New_York": "CT,DE,DC,GA,ME,MD,MA,NH,NJ,NY,NC,OH,PA,RI,SC,VT,VA,WV",
        "America/New_York America/Chicago": "FL,IN,KY,MI,TN",
        "America/Chicago": "AL,AR,IL,IA,LA,MN,MS,MO,OK,WI",
        "America/Chicago America/Denver": "KS,NE,ND,SD,TX",
        "America/Denver": "CO,MT,NM,UT,WY",
        "America/Denver America/Phoenix": "AZ",
        "America/Denver America/Los_Angeles": "ID,OR",
        "America/Los_Angeles": "CA,NV,WA",
        "America/Anchorage America/Adak": "AK",
        "Pacific/Honolulu": "HI",
    },
    "CA": {
        "America/St_Johns America/Halifax": "NL",
        "America/Halifax": "NB,NS,PE",
        "America/Toronto America/Halifax": "QC",
        "America/Toronto America/Winnipeg": "ON",
        "America/Winnipeg": "MB",
        "America/Regina America/Edmonton": "SK",
        "America/Edmonton": "AB,NT",
        "America/Vancouver America/Edmonton": "BC",
        "America/Whitehorse": "YT",
    },
    "AU": {
        "Australia/Sydney": "ACT,VIC,TAS",
        "Australia/Sydney Australia/Adelaide": "NSW",
        "Australia/Brisbane": "QLD",
        "Australia/Adelaide": "SA",
        "Australia/Darwin": "NT",
        "Australia/Perth Australia/Eucla": "WA",
    },
    "ES": {
        "Europe/Madrid": "A,AB,AL,AV,B,BA,BI,BU,C,CA,CC,CE,CO,CR,CS,CU,GI,GR,GU,H,HU,J,L,LE,LO,"
        "LU,M,MA,ML,MU,NA,O,OR,P,PM,PO,S,SA,SE,SG,SO,SS,T,TE,TO,V,VA,VI,Z,ZA",
        "Atlantic/Canary": "GC,TF",
    },
    "RU": {
        "Europe/Kaliningrad": "KGD,Калининград,Калининградская область",
        "Europe/Moscow": "MOW,MOS,SPE,LEN,TA,KDA,NIZ,VOR,ROS,Москва,Московская область,"
        "Санкт-Петербург,Ленинградская область,Татарстан,Республика Татарстан,"
        "Краснодарский край,Нижегородская область,Воронежская область,Ростовская область,"
        "Тверская область,Тульская область,Ярославская область,Калужская область,"
        "Рязанская область,Владимирская область,Белгородская область,Смоленская область",
        "Europe/Samara": "SAM,UD,Самарская область,Удмуртия,Удмуртская Республика",
        "Asia/Yekaterinburg": "SVE,CHE,PER,BA,TYU,Свердловская область,Челябинская область,"
        "Пермский край,Башкортостан,Республика Башкортостан,Тюменская область,"
        "Оренбургская область,Курганская область",
        "Asia/Omsk": "OMS,Омская область",
        "Asia/Novosibirsk": "NVS,Новосибирская область",
        "Asia/Tomsk": "TOM,Томская область",
        "Asia/Barnaul": "ALT,Алтайский край",
        "Asia/Krasnoyarsk": "KYA,KEM,KK,Красноярский край,Кемеровская область,Хакасия",
        "Asia/Irkutsk": "IRK,BU,Иркутская область,Бурятия,Республика Бурятия",
        "Asia/Chita": "ZAB,Забайкальский край",
        "Asia/Vladivostok": "PRI,KHA,YEV,Приморский край,Хабаровский край",
        "Asia/Sakhalin": "SAK,Сахалинская область",
        "Asia/Magadan": "MAG,Магаданская область",
        "Asia/Kamchatka": "KAM,CHU,Камчатский край",
    },
}

ZONES_OF_REGION: dict[tuple[str, str], tuple[str, ...]] = {
    (country, region.casefold()): tuple(zones.split())
    for country, table in _TABLE.items()
    for zones, regions in table.items()
    for region in regions.split(",")
}
