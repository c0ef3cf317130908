"""The links of telling a friend: the customer's own page, what they pass on, what we write.

A token is spelled as a stop link is (rules/consent/stop_links.py), under a seal of its own kind:
who was sent an invitation cannot make the inviter's page of it.
"""

from collections.abc import Callable

from ringdove.rules.consent import stop_links
from ringdove.rules.consent.stop_links import Claim

Keyed = Callable[[str], str]

PAGE = "friend-page"  # a customer's own: they invite from here
SHARED = "friend-shared"  # what a customer passes on
WRITTEN = "friend-written"  # in a text that we wrote; it names the invitation


def page_of(address: str, store_id: int, contact_id: int, keyed: Keyed) -> str:
    """The customer's own page. `address`: under which we are reached from outside."""
    token = stop_links.token_of(store_id, contact_id, _sealed(PAGE, keyed))
    return f"{address}/friends/{token}"


def shared_of(address: str, store_id: int, contact_id: int, keyed: Keyed) -> str:
    """What the customer passes on: it opens the friend's page."""
    return f"{address}/f/{stop_links.token_of(store_id, contact_id, _sealed(SHARED, keyed))}"


def written_of(address: str, store_id: int, invitation_id: int, keyed: Keyed) -> str:
    """The friend's page in a text of ours: whoever has it may refuse for this number."""
    return f"{address}/f/{stop_links.token_of(store_id, invitation_id, _sealed(WRITTEN, keyed))}"


def kind_of(claim: Claim, keyed: Keyed) -> str:
    """PAGE, SHARED or WRITTEN; "": this installation made none of them."""
    kinds = (PAGE, SHARED, WRITTEN)
    return next((one for one in kinds if stop_links.is_ours(claim, _sealed(one, keyed))), "")


def _sealed(kind: str, keyed: Keyed) -> Keyed:
    return lambda text: keyed(f"{kind}/{text}")
