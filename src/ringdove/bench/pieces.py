"""What the pure pieces of sending cost, one by one, in this process: `ringdove bench pieces`.

No database and no socket: what is left of a message's cost is reading and writing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from typing import Any, Final

from ringdove.bench import ground
from ringdove.gateways import smpp
from ringdove.rules import texts
from ringdove.rules.consent import consent
from ringdove.rules.scenes import NO_HISTORY, Contact, Store
from ringdove.smpp import quick, receipts
from ringdove.smpp.codec import Decoder, encode
from ringdove.smpp.pdu import DeliverSm, Pdu

SECONDS_EACH: Final = 0.3
BEST_OF: Final = 5
NOW: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TEMPLATE: Final = (
    "{{ name | default: 'Hello' }}, new autumn coats came in today. Use code {{ code }} until"
    " Sunday for -15 %. Tap here: https://linden.example/a"
)
VALUES: Final = {"name": "Maddalena", "code": "0012ab7"}
RECEIPT: Final = (
    b"id:1000000042 sub:001 dlvrd:001 submit date:2611201000 done date:2611201000 stat:DELIVRD"
    b" err:000 text:-"
)


def measure() -> dict[str, Any]:
    """Microseconds of each, the best of some tries: what the machine does besides only adds."""
    return {
        "machine": ground.machine(),
        "pieces": {name: _us(work) for name, work in works().items()},
    }


def works() -> dict[str, Callable[[], object]]:
    """Each piece by name; none gives nothing."""
    settings = smpp.Settings.model_validate(
        {"host": "127.0.0.1", "system_id": "bench", "sender": "Linden"}
    )
    text = texts.render(TEMPLATE, VALUES)
    submit = smpp.Submitter(settings).octets
    told = encode(Pdu(DeliverSm(source_addr="375291112233", esm_class=4, short_message=RECEIPT), 7))
    (frame,), _ = quick.frames(told)
    store = Store(
        1, "Linden", "BY", "Europe/Minsk", ("en",), "BYN", wall_time(21), wall_time(9)
    )  # fmt: skip
    person = Contact(1, "+375291112233", None, NOW, zones=("Europe/Minsk",), marketing="in")
    draft = consent.Draft(
        "sms", "marketing", "offers", NOW, NOW + timedelta(days=1), occasion="new coats"
    )
    return {
        "a text filled in": lambda: texts.render(TEMPLATE, VALUES),
        "its encoding and parts": lambda: texts.measure(text),
        "the decision": lambda: consent.decide(store, person, draft, NO_HISTORY, NOW),
        "a submit_sm, one part": lambda: submit(9, "+375291112233", "Linden", text, None),
        "a receipt read, the quick way": lambda: quick.receipt(told, frame[3], frame[4]),
        "a receipt read, the general way": lambda: _read(told),
    }


def _read(octets: bytes) -> object:
    decoder = Decoder()
    decoder.feed(octets)
    pdu = decoder.next_pdu()
    assert pdu is not None and isinstance(pdu.body, DeliverSm)
    return receipts.read(pdu.body)


def _us(work: Callable[[], object]) -> float:
    assert work() is not None
    best = float("inf")
    for _ in range(BEST_OF):
        count, end = 0, time.perf_counter() + SECONDS_EACH / BEST_OF
        began = time.process_time()
        while time.perf_counter() < end:
            for _ in range(200):
                work()
            count += 200
        best = min(best, (time.process_time() - began) / count * 1e6)
    return round(best, 2)


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [ground.machine_line(found["machine"]), "", f"{'':40}{'µs':>10}{'a second':>14}"]
    lines += [f"{name:40}{us:>10}{1e6 / us:>14,.0f}" for name, us in found["pieces"].items()]
    return "\n".join(lines)
