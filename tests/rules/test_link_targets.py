"""Where links lead: addresses stay as they are written, carts open filled, none leads astray."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.campaigns.campaigns import CartLine, Link
from ringdove.rules.links.link_targets import (
    Goods,
    Ground,
    OwnCart,
    Target,
    is_over,
    leads_to,
    tagged,
    tags_of,
    web_address,
)
from ringdove.stores import events, woocommerce

TAGS = tags_of("sms", "Black Friday 50 %")
SAID = "utm_source=ringdove&utm_medium=sms&utm_campaign=Black%20Friday%2050%20%25"
TEAPOT = Goods("TEA-1", Decimal(1), "123", "Teapot", "https://linden.example/teapot")
CUP = Goods("CUP", Decimal(2), "456", "Cup", "https://linden.example/cup")
GROUND = Ground("https://linden.example", {"TEA-1": TEAPOT, "CUP": CUP})
CART = Link(kind="cart", lines=(CartLine(sku="TEA-1"), CartLine(sku="CUP", quantity=2)))


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.example", f"https://a.example?{SAID}"),
        ("https://a.example/x?y=1", f"https://a.example/x?y=1&{SAID}"),
        ("https://a.example/x#top", f"https://a.example/x?{SAID}#top"),
        ("https://a.example/x?y=%2B+ä&z#a?b", f"https://a.example/x?y=%2B+ä&z&{SAID}#a?b"),
        (
            "https://a.example/?utm_source=poster&utm_campaign=x",
            "https://a.example/?utm_source=poster&utm_campaign=x&utm_medium=sms",
        ),
        ("", ""),
    ],
)
def test_tags_are_added_and_nothing_that_is_there_changes(url: str, wanted: str) -> None:
    """N5."""
    assert tagged(url, TAGS) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://linden.example/чайник?q=a b", "https://linden.example/%D1%87%D0%B0%D0%B9%D0%BD%D0%B8%D0%BA?q=a%20b"),
        ("https://лавка.рф/x", "https://xn--80aaaf8c.xn--p1ai/x"),
        ("/sale#red", "https://linden.example/sale#red"),
        ("https://[::1]:8000/x", "https://[::1]:8000/x"),
        ("https://linden.example/x\r\nSet-Cookie: a=b", ""),
        ("javascript:alert(1)", ""), ("//evil.example", ""), ("ftp://a.example", ""),
        ("https://good.example@evil.example/", ""), ("https://", ""), ("https://[", ""),
        ("https://a.example:99999/", ""), ("shop", ""), ("", ""),
    ],
)  # fmt: skip
def test_only_an_address_of_the_web_is_one(text: str, wanted: str) -> None:
    """P8-like: nothing that a merchant pastes becomes a header or a script."""
    found = web_address(text, "https://linden.example")
    if text.startswith("https://лавка"):
        assert found.startswith("https://xn--") and found.endswith("/x")
    elif "\r" in text:
        assert found == "" or ("\r" not in found and "\n" not in found)
    else:
        assert found == wanted


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_typed_no_line_break_reaches_a_header(path: str, host: str) -> None:
    """A header holds one line of ASCII."""
    for text in (f"https://a.example/{path}", f"https://{host}/", path):
        said = tagged(web_address(text, "https://home.example"), {"utm_campaign": path})
        assert said.isascii() and not set(said) & set('\r\n\x00 <>"')
        assert said == "" or said.startswith(("http://", "https://"))


def test_a_page_a_product_and_the_home_page() -> None:
    """R30: an exact section or product, not only the home page."""
    assert leads_to(Link(url="/sale"), GROUND, TAGS).url == f"https://linden.example/sale?{SAID}"
    assert leads_to(Link(url="/sale", utm=False), GROUND, TAGS).url.endswith("/sale")
    product = Link(kind="product", sku="CUP", utm=False)
    assert leads_to(product, GROUND, TAGS).url == "https://linden.example/cup"
    gone = Link(kind="product", sku="nothing", utm=False)
    assert leads_to(gone, GROUND, TAGS).url == "https://linden.example"
    assert leads_to(Link(url="javascript:x"), GROUND, {}).url == "https://linden.example"
    assert leads_to(Link(url="/get?c={code}", utm=False), GROUND, {}, "A B").url.endswith(
        "?c=A%20B"
    )
    assert leads_to(Link(), Ground(), TAGS) == Target()


def test_a_woocommerce_shop_opens_the_cart_with_all_lines_and_the_code() -> None:
    """R31: the promo set is in the cart, the code is applied, the customer can order at once."""
    shop = woocommerce.Settings(store_url="https://linden.example/")
    opens = (lambda lines, code: woocommerce.cart_url(shop, lines, code),)
    ground = Ground(GROUND.home, GROUND.products, opens)
    filled = "https://linden.example/checkout-link/?products=123:1,456:2&coupon=TEA-77"
    assert leads_to(CART, ground, TAGS, "TEA-77").url == f"{filled}&{SAID}"
    assert leads_to(CART, ground, {}).url == filled.partition("&")[0]


def test_an_older_woocommerce_shop_opens_what_it_can() -> None:
    """R31: one product by an address; the rest is shown to be put in one by one."""
    shop = woocommerce.Settings(store_url="https://linden.example", cart_links="one")
    assert (
        woocommerce.cart_url(shop, [CUP], "")
        == "https://linden.example/?add-to-cart=456&quantity=2"
    )
    assert (
        woocommerce.cart_url(shop, [CUP], "X")
        == woocommerce.cart_url(shop, [CUP, TEAPOT], "")
        == ""
    )
    newest = woocommerce.Settings(store_url="https://linden.example")
    half = Goods("CUP", Decimal("0.5"), "456")
    assert woocommerce.cart_url(newest, [half], "") == ""
    assert woocommerce.cart_url(newest, [Goods("CUP")], "") == ""  # its id is not known
    assert woocommerce.cart_url(newest, [Goods("789")], "").endswith("?products=789:1")


def test_a_shop_of_ones_own_is_told_by_its_own_address() -> None:
    """R31 by the generic API: a template with documented places."""
    shop = events.Settings(cart_template="https://my.example/cart?add={lines}&code={code}#top")
    found = events.cart_url(shop, [TEAPOT, Goods("a,b:c", Decimal("1.50"))], "A&B")
    assert found == "https://my.example/cart?add=TEA-1:1,a%252Cb%253Ac:1.5&code=A%26B#top"
    assert events.cart_url(events.Settings(), [TEAPOT], "") == ""
    with pytest.raises(ValueError, match="lines"):
        events.Settings(cart_template="https://my.example/cart")


def test_where_no_shop_opens_it_the_goods_are_shown_with_the_code() -> None:
    """R31."""
    target = leads_to(CART, GROUND, {}, "TEA-77")
    assert not target.url and target.code == "TEA-77"
    assert [(one.name, one.quantity, one.url) for one in target.lines] == [
        ("Teapot", 1, "https://linden.example/teapot"), ("Cup", 2, "https://linden.example/cup"),
    ]  # fmt: skip


def test_ones_own_cart_opens_again() -> None:
    """R48."""
    link = Link(kind="own_cart", utm=False)
    own = OwnCart("https://linden.example/cart/77", (CUP,))
    assert leads_to(link, GROUND, {}, own=own).url == "https://linden.example/cart/77"
    assert leads_to(link, GROUND, {}, own=OwnCart(lines=(CUP,))).lines
    assert leads_to(link, GROUND, {}, own=None).url == "https://linden.example"


def test_a_link_works_for_ever_unless_it_was_given_an_end() -> None:
    """N5."""
    now = datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert not is_over(Link(), datetime(2999, 1, 1, tzinfo=UTC))
    assert is_over(Link(ends_at=now), now)
