"""The menu of a store: what pages there are, and the lowest role that sees each in it.

A page that is not for a role also refuses it (views.Needs): the menu hides, it does not protect.
"""

from dataclasses import dataclass

from ringdove.records.store.users import Role
from ringdove.web.speech import Speech


def N_(text: str) -> str:
    """Marks a text for the translators; it is said in the reader's language where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; `path` stands below the store's address, `beside`: other pages that are
    tabs of it."""

    path: str
    text: str
    icon: str
    role: Role = "viewer"
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together; a group without a title has no heading."""

    title: str
    role: Role
    entries: tuple[Entry, ...]


MENU = (
    Group(
        "",
        "viewer",
        (
            Entry("/today", N_("Today"), "home"),
            Entry("/inbox", N_("Inbox"), "message-question"),
            Entry("/customers", N_("Customers"), "users"),
            Entry("/messages", N_("Messages"), "message"),
            Entry("/automations", N_("Automations"), "bolt"),
            Entry("/wishes", N_("Goods people wait for"), "bell"),
            Entry("/tasks", N_("Tasks"), "list-check", "support"),
            Entry("/calls", N_("Orders to call"), "phone", "support"),
            Entry("/phones", N_("Virtual phones"), "device-mobile"),
        ),
    ),
    Group(
        N_("Campaigns"),
        "viewer",
        (
            Entry("/campaigns", N_("Campaigns"), "send"),
            Entry("/calendar", N_("Calendar"), "calendar"),
            Entry("/segments", N_("Segments"), "filter"),
            Entry("/offers", N_("Offers and codes"), "gift"),
            Entry("/goods", N_("What goes with what"), "package"),
            Entry("/surveys", N_("Surveys"), "star", beside=("/contests",)),
            Entry("/reports", N_("Reports"), "chart-line"),
        ),
    ),
    Group(
        N_("Permission"),
        "viewer",
        (
            Entry("/ways-in", N_("Ways in"), "login"),
            Entry("/ways-out", N_("Ways out"), "logout"),
            Entry("/policy", N_("Rules of sending"), "clock", "marketer"),
            Entry("/suppression", N_("Refusals"), "ban"),
            Entry("/proof", N_("Proof of consent"), "shield-check", "marketer"),
            Entry("/imports", N_("Imports"), "upload", "marketer"),
        ),
    ),
    Group(
        N_("Operators and shops"),
        "viewer",
        (
            Entry("/gateways", N_("Gateways"), "send"),
            Entry("/routes", N_("Routes and money"), "credit-card"),
            Entry("/connections", N_("Connections"), "plug"),
        ),
    ),
    Group(
        N_("Store"),
        "marketer",
        (
            Entry("/team", N_("Team and keys"), "key", "owner"),
            Entry("/settings", N_("Store settings"), "building-store", "owner"),
            Entry("/fields", N_("Own fields"), "list-check", "marketer"),
            Entry("/audit", N_("Audit"), "history", "owner"),
        ),
    ),
)


def role_names(say: Speech) -> dict[Role, str]:
    """The roles in the reader's words, the smallest first."""
    _ = say.gettext
    return {
        "viewer": _("Viewer"),
        "support": _("Support"),
        "marketer": _("Marketer"),
        "owner": _("Owner"),
    }


def role_meanings(say: Speech) -> dict[Role, str]:
    """What each role may do, in one line."""
    _ = say.gettext
    return {
        "viewer": _("Reads everything, with phone numbers masked."),
        "support": _("Also answers texts and changes a customer's consent."),
        "marketer": _("Also changes automations and tries failed messages again."),
        "owner": _("Also connects shops and gateways and decides who is in the team."),
    }
