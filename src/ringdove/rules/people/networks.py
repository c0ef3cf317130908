"""Which operator a number belongs to, as far as its prefix tells.

Numbers are ported, so this is a guess that is right for most; it serves the choice of a route and
figures by operator, never a promise. The table of prefixes is large (some 40 MB in memory): it is
only loaded by an installation that has a route for an operator.
"""

from functools import cache, lru_cache

from ringdove.rules.people import phones

RENAMED = {("375", "Velcom"): "A1"}  # since 2019; the table has the old name


@cache
def _operators() -> tuple[dict[str, str], int]:
    from phonenumbers.carrierdata import CARRIER_DATA, CARRIER_LONGEST_PREFIX

    known = {prefix: names["en"] for prefix, names in CARRIER_DATA.items() if "en" in names}
    for prefix, name in known.items():
        known[prefix] = RENAMED.get((prefix[:3], name), name)
    return known, CARRIER_LONGEST_PREFIX


@lru_cache(16_384)
def operator_of(e164: str) -> str:
    """The operator's name in Latin letters, such as MTS; "" where the prefix does not tell."""
    digits = e164.removeprefix("+")
    known, longest = _operators()
    for length in range(min(longest, len(digits)), 0, -1):
        if name := known.get(digits[:length]):
            return name
    return ""


def longest_prefix() -> int:
    """How many digits tell an operator at most. Loads the table."""
    return _operators()[1]


@cache
def operators_in(country: str) -> tuple[str, ...]:
    """The operators of a country, by name: what a form can offer."""
    known, _ = _operators()
    found = set()
    for prefix, name in known.items():
        if phones.country_of(f"+{prefix}") == country:
            found.add(name)
    return tuple(sorted(found, key=str.casefold))


def network_of(country: str, operator: str) -> str:
    """As messages and routes write it: BY, or BY/MTS."""
    return f"{country}/{operator}" if operator else country
