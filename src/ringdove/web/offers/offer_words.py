"""Words of offers: what is wrong with one, and why a campaign must not begin with it."""

from collections.abc import Mapping

from ringdove.web.menu import N_

# Of rules/offers/offer_checks.wrong.
WRONG: Mapping[str, str] = {
    "code": N_("Three to forty letters and digits."),
    "prefix": N_("Latin letters and digits only."),
    "number": N_("A number above nothing, please."),
    "percent": N_("From 1 to 100 per cent."),
    "page": N_("Write what subscribers see, or give an address."),
    "span": N_("The end lies before the beginning."),
    "early": N_("Earlier than the beginning for all: give both days."),
    "gift": N_("Say what is given."),
    "goods": N_("Choose a kind of goods and name them, one a line."),
    "many": N_("Too many: at most 500 goods, 100 on a coupon, 366 days."),
    "channel": N_("Letters and digits, such as app, web, social, or a marketplace's name."),
    "coupon": N_("A shop's coupon can be a percentage, an amount or free delivery."),
    "brands": N_("A shop's coupon knows goods and categories, no brands."),
    "pool": N_("Codes of a list come from the shop: it knows them already."),
    "connection": N_("Choose the shop in which coupons are made."),
}
# Of rules/offers/offer_checks.problems.
PROBLEMS: Mapping[str, str] = {
    "retired": N_("This offer is retired: nobody is given it any more."),
    "ended": N_("This offer has ended."),
    "points": N_("Points are given for subscribing; a campaign cannot give them."),
    "no_coupons": N_("The shop does not know the code yet: save the offer again."),
    "waiting": N_("Codes still wait to be told to the shop, which would refuse them."),
    "failed": N_("The shop refused some codes: see why, and try again."),
    "few": N_("The list holds no codes, or fewer than the campaign has people."),
}
