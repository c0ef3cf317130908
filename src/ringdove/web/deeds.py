"""What the audit page calls each deed. A deed without a name here is shown by its own word."""

from ringdove.web.speech import Speech


def deed_names(say: Speech) -> dict[str, str]:
    """Names of deeds in the reader's words."""
    _ = say.gettext
    return {
        "store.created": _("Opened the store"),
        "store.changed": _("Changed the store settings"),
        "member.added": _("Added to the team"),
        "member.role_changed": _("Changed a role"),
        "member.shut_out": _("Took access away"),
        "member.let_in": _("Gave access back"),
        "member.password_given": _("Gave a one-time password"),
        "key.created": _("Made an API key"),
        "key.revoked": _("Revoked an API key"),
        "connection.created": _("Connected a shop"),
        "connection.changed": _("Changed a shop connection"),
        "connection.paused": _("Paused a shop connection"),
        "connection.resumed": _("Resumed a shop connection"),
        "connection.removed": _("Removed a shop connection"),
        "gateway.created": _("Added a gateway"),
        "gateway.changed": _("Changed a gateway"),
        "gateway.paused": _("Paused a gateway"),
        "gateway.resumed": _("Resumed a gateway"),
        "gateway.removed": _("Removed a gateway"),
        "gateway.address_shown": _("Looked at a gateway's callback address with its secret"),
        "route.saved": _("Changed a rule of routes"),
        "route.removed": _("Removed a rule of routes"),
        "sender.saved": _("Changed a sender"),
        "sender.removed": _("Removed a sender"),
        "limit.saved": _("Changed a spending limit"),
        "limit.removed": _("Removed a spending limit"),
        "prices.loaded": _("Loaded a price list"),
        "prices.removed": _("Removed a price list"),
        "automation.switched_on": _("Switched an automation on"),
        "automation.switched_off": _("Switched an automation off"),
        "automation.changed": _("Changed an automation"),
        "consent.changed": _("Changed a customer's consent"),
        "customer.phone_settled": _("Settled a phone number"),
        "proof.exported": _("Downloaded a proof of consent"),
        "ledger.check_asked": _("Had the consent ledger checked"),
        "message.sent": _("Sent a text by hand"),
        "message.retried": _("Tried a message again"),
        "message.asked": _("Asked the operator about a message"),
        "unknown.said_again": _("Had messages of unknown outcome said again"),
        "unknown.left": _("Left messages of unknown outcome as they are"),
        "fact.retried": _("Tried an event again"),
        "fact.given_up": _("Left an event unanswered"),
    }
