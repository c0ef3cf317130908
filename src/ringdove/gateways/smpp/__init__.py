"""An operator, or the sandbox, over SMPP 3.4: what to submit, and what an answer means.

    outcome of one submit_sm
    ├── Sent(provider_id)
    └── Refused(reason, again)
        ├── "throttled"   slow down, then the same again: RTHROTTLED, RMSGQFUL
        ├── "later"       their trouble, not the text's: RSYSERR, RX_T_APPN…, and what nobody knows
        └── "permanent"   this text to this number will never go: RINVDSTADR, RX_P_APPN…

No answer at all is none of these: its outcome is unknown (P5), and only the worker can see it.
Pure: no socket, no clock. The session is in `smpp/session.py`, its driver in
`workers/sending/binds.py`.
"""

from typing import Final

from ringdove.gateways.smpp.answers import BIND_HOPELESS, Outcome, Refused, Sent, outcome
from ringdove.gateways.smpp.incoming import ReceiptRead, TextRead, decode, read, told
from ringdove.gateways.smpp.settings import Settings, sandbox
from ringdove.gateways.smpp.submits import Submitter, binds, query, request

__all__ = [
    "BIND_HOPELESS", "HELP", "TITLE", "Outcome", "ReceiptRead", "Refused", "Sent", "Settings",
    "Submitter", "TextRead", "binds", "decode", "outcome", "query", "read", "request", "sandbox",
    "told",
]  # fmt: skip

TITLE: Final = "SMPP"
HELP: Final = (
    "A direct link to an operator or SMS provider over SMPP 3.4. Your provider's letter with the"
    " server, port, system ID and password has all that is asked here; what it does not mention"
    " can stay as it is."
)
