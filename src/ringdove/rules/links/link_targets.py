"""Where a link leads (R30, R31): a page, a product, a cart that is filled already, one's own cart.

Addresses come from the merchant's own records only, never from a request: there is no open
redirect. What is not an address of the web is none, whatever it says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote, urlsplit, urlunsplit

from ringdove.rules.campaigns.campaigns import Link

ADDRESS_MAX = 4_000  # signs; longer ones are cut off by servers on their way
SOURCE = "ringdove"
CODE = "{code}"  # in a page's address: the person's own code
_UNRESERVED = "%/:?#[]@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Goods:
    """A line of a cart; `key` is the shop's own id of the product, empty where it is not known."""

    sku: str
    quantity: Decimal = Decimal(1)
    key: str = ""
    name: str = ""
    url: str = ""


OpensCart = Callable[[Sequence[Goods], str], str]
"""A shop's address that opens a cart with these lines and this code; "": it cannot."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What of a store links are made from."""

    home: str = ""  # the shop's first page
    products: Mapping[str, Goods] = field(default_factory=dict)  # by sku
    shops: tuple[OpensCart, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnCart:
    """The cart that a person left."""

    url: str = ""
    lines: tuple[Goods, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Where it leads; without an address: `lines` are shown with the code, to be put into the cart
    one by one. With neither there is nothing to lead to."""

    url: str = ""
    lines: tuple[Goods, ...] = ()
    code: str = ""
    is_choice: bool = False  # the lines are goods to look at, not a set


def is_personal(link: Link) -> bool:
    """Whether it depends on the person: on their cart, or on their code."""
    return link.kind in ("cart", "own_cart") or CODE in link.url


def is_over(link: Link, now: datetime) -> bool:
    """Whether its end has come; most have none."""
    return link.ends_at is not None and now >= link.ends_at


def leads_to(
    link: Link, ground: Ground, tags: Mapping[str, str], code: str = "", own: OwnCart | None = None
) -> Target:
    """The target of a link. `code` and `own` are the person's, where it is personal; `tags`: utm
    parameters by name."""
    said = tags if link.utm else {}
    match link.kind:
        case "cart":
            return _cart(link, ground, said, code)
        case "own_cart" if own and (own.url or own.lines):
            url = web_address(own.url)
            if url:
                return Target(tagged(url, said))
            return _filled(own.lines, ground, said, code)
        case "product":
            goods = ground.products.get(link.sku)
            url = (goods.url if goods else "") or link.url
        case _:
            url = link.url.replace(CODE, quote(code, safe=""))
    return Target(tagged(web_address(url, ground.home) or web_address(ground.home), said))


def leads_to_goods(skus: Sequence[str], ground: Ground, tags: Mapping[str, str]) -> Target:
    """The target of goods that a text names: the page of the only one, else all of them, each with
    its page. What is in the catalogue no more is left out; nothing left: the first page."""
    known = [ground.products[sku] for sku in skus if sku in ground.products]
    shown = [
        Goods(one.sku, key=one.key, name=one.name, url=tagged(url, tags))
        for one in known
        if (url := web_address(one.url, ground.home))
    ]
    if len(shown) > 1:
        return Target(lines=tuple(shown), is_choice=True)
    url = shown[0].url if shown else tagged(web_address(ground.home), tags)
    return Target(url)


def _cart(link: Link, ground: Ground, tags: Mapping[str, str], code: str) -> Target:
    lines = []
    for line in link.lines:
        known = ground.products.get(line.sku, Goods(line.sku))
        lines.append(Goods(line.sku, line.quantity, known.key, known.name, known.url))
    return _filled(lines, ground, tags, code)


def _filled(lines: Sequence[Goods], ground: Ground, tags: Mapping[str, str], code: str) -> Target:
    for opens in ground.shops if lines else ():
        if url := web_address(opens(lines, code)):
            return Target(tagged(url, tags))
    if not lines:
        return Target(tagged(web_address(ground.home), tags))
    shown = tuple(
        Goods(one.sku, one.quantity, one.key, one.name, tagged(web_address(one.url), tags))
        for one in lines
    )
    return Target(lines=shown, code=code)


def tags_of(channel: str, campaign: str, variant: str = "") -> dict[str, str]:
    """How the shop's own statistics shall name a visit; `variant`: of several texts."""
    tags = {"utm_source": SOURCE, "utm_medium": channel, "utm_campaign": campaign}
    return tags | ({"utm_content": variant} if variant else {})


def tagged(url: str, tags: Mapping[str, str]) -> str:
    """The address with these parameters. What it says already stays as it is, letter by letter:
    a parameter of the same name is not said twice, a fragment stays at the end."""
    if not url or not tags:
        return url
    before, hash_sign, fragment = url.partition("#")
    path, _, query = before.partition("?")
    there = {one.partition("=")[0] for one in query.split("&")}
    more = [f"{name}={quote(said, safe='')}" for name, said in tags.items() if name not in there]
    joined = "&".join([*([query] if query else []), *more])
    longer = f"{path}{'?' if joined else ''}{joined}{hash_sign}{fragment}"
    return longer if len(longer) <= ADDRESS_MAX else url


def web_address(text: str, home: str = "") -> str:
    """The address as a header can say it, in ASCII; "": it is none of the web. One that begins with
    a slash is a page of `home`."""
    text = text.strip()
    if text.startswith("/") and not text.startswith("//") and home:
        text = home.rstrip("/") + text
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
            return ""
        named = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        return ""
    if not all(sign.isalnum() or sign in "-.:_" for sign in named):
        return ""
    place = f"[{named}]" if ":" in named else named
    whole = (parts.scheme, f"{place}:{port}" if port else place, *parts[2:])
    address = quote(urlunsplit(whole), safe=_UNRESERVED)
    return address if len(address) <= ADDRESS_MAX else ""
