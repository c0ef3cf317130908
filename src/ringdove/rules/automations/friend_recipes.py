"""Ready automations that thank both when an invited friend has bought (R95).

Service, and switched off as they come: who invites and who comes were promised this much, and what
it is only the store can say (the offer of the step). They wait as long as goods can come back.
"""

from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.order_recipes import DAY
from ringdove.rules.steps.branch import Where
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait


def _thanked(key: str, state: str) -> Journey:
    return Journey(
        key=key, topic="friend", about="friend/{invitation}",
        trigger=Heard(kind="friend.bought", where=Where(states=(state,))),
        stopped_by=("friend.bought/cancelled",), valid_for=30 * DAY,
        steps=(
            Wait(id="returns", seconds=14 * DAY),
            Send(id="say", text=key, in_daytime=True, valid_for=7 * DAY),
        ),
    )  # fmt: skip


FRIENDS = (_thanked("friend_inviter", "inviter"), _thanked("friend_friend", "friend"))
