"""What the list of people says of them: permission as a sign with words, names of filters."""

from collections.abc import Mapping

from ringdove.web.menu import N_

OFFERS: Mapping[str, tuple[str, str, str]] = {  # words, tone, icon
    "in": (N_("offers welcome"), "ok", "check"),
    "asked": (N_("not confirmed yet"), "wait", "clock"),
    "out": (N_("no offers"), "bad", "ban"),
    "none": (N_("never asked"), "", "dots"),
}
OFFERS_FILTER: Mapping[str, str] = {
    "in": N_("May get offers"),
    "asked": N_("Asked, not confirmed yet"),
    "out": N_("Said no"),
    "none": N_("Never asked"),
}
ORIGINS: Mapping[str, str] = {
    "order": N_("an order"),
    "form": N_("a form"),
    "app": N_("the app"),
    "import": N_("an import"),
    "text": N_("a text"),
    "page": N_("by hand"),
    "api": N_("the API"),
    "cart": N_("a cart"),
    "visit": N_("a visit"),
    "wish": N_("asking for goods"),
    "registration": N_("a registration"),
    "test": N_("a campaign's test"),
    "staff": N_("your staff"),
    "friend": N_("a friend's invitation"),
}
ORDERED: Mapping[str, str] = {"yes": N_("Has ordered"), "no": N_("Never ordered")}
