"""A WooCommerce shop's own addresses that open a filled cart (R31).

Since 10.0 WooCommerce opens /checkout-link/?products=<id>:<pieces>,…&coupon=<code>: it empties the
visitor's cart, fills it, applies the coupon and shows the checkout; other parameters stay in the
address. Older ones know ?add-to-cart=<id>&quantity=<pieces> only: one product, and no coupon. Both
count whole pieces and name a product by its id, a variation by its own.
"""

from collections.abc import Sequence
from urllib.parse import quote

from ringdove.rules.links.link_targets import Goods
from ringdove.stores.woocommerce.settings import Settings


def cart_url(settings: Settings, lines: Sequence[Goods], code: str) -> str:
    """The address; "": this shop cannot open such a cart by an address."""
    shop = settings.store_url.rstrip("/")
    if not shop or not lines or settings.cart_links == "none":
        return ""
    if any(not _id(line) or line.quantity != int(line.quantity) for line in lines):
        return ""
    pieces = [(_id(line), int(line.quantity)) for line in lines]
    if settings.cart_links == "one":
        (product, count), *rest = pieces
        return "" if rest or code else f"{shop}/?add-to-cart={product}&quantity={count}"
    products = ",".join(f"{product}:{count}" for product, count in pieces)
    coupon = f"&coupon={quote(code, safe='')}" if code else ""
    return f"{shop}/checkout-link/?products={products}{coupon}"


def _id(line: Goods) -> str:
    """WooCommerce's own id: lines without a stock keeping unit are named by it."""
    known = line.key or line.sku
    return known if known.isascii() and known.isdigit() else ""
