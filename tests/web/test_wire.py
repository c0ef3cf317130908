"""A message's page down to the packet, for those who may read whole numbers."""

from collections.abc import Callable

import pytest

from ringdove.kit import db
from ringdove.records.sending import wire
from ringdove.records.store import stores
from ringdove.smpp.codec import encode
from ringdove.smpp.pdu import DeliverSm, Pdu, SubmitSm, SubmitSmResp
from ringdove.web.sending.wire import hex_rows
from tests.web.conftest import Looker, Site
from tests.web.test_api import key
from tests.web.test_messages import _live

RECEIPT = (
    b"id:4f2a sub:001 dlvrd:001 submit date:2611220101 done date:2611220101 stat:DELIVRD err:000"
)


async def keep(site: Site, message_id: int) -> None:
    now = site.runtime.clock()
    submit = SubmitSm("", 5, 0, "Linden", 1, 1, "375291112233", short_message=b"Hi")
    kept = [
        ("out", "submit_sm", encode(Pdu(submit, 12))),
        ("in", "submit_sm_resp", encode(Pdu(SubmitSmResp("4f2a"), 12))),
        ("in", "submit_sm_resp", encode(Pdu(SubmitSmResp(), 13, 0x58))),
        ("in", "deliver_sm", encode(Pdu(DeliverSm(esm_class=4, short_message=RECEIPT), 3))),
        ("out", "POST", b'POST /send?key=\xe2\x80\xa2\nhost: a.example\n\n{"to": "+375291112233"}'),
        ("in", "submit_sm", b"\0\0"),  # octets that are no packet break no page
    ]
    async with db.transaction(site.runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        packets = [wire.Packet(message_id, now, *one) for one in kept]
        await wire.keep(tx, store, 1, packets, site.runtime.ids)


def test_packets_are_shown_with_their_fields_and_octets(site: Site) -> None:
    """The same words as `ringdove inspect pdu`."""
    owner = site.set_up()
    first, *_ = site.run(_live(site, 3))
    page = owner.get(f"/stores/1/messages/{first}").text
    assert "too fast to keep packets" in page
    site.run(keep(site, first))
    page = owner.get(f"/stores/1/messages/{first}").text
    assert "destination_addr" in page and "375291112233" in page and "ESME_RTHROTTLED" in page
    assert "POST /send?key=•" in page and RECEIPT.hex() in page
    assert "0000  00 00 00" in page
    told = key(site, "support").ask("GET", f"/api/stores/1/messages/{first}/story").json()
    assert [one["what"] for one in told["packets"]][:2] == ["submit_sm", "submit_sm_resp"]
    assert told["packets"][0]["fields"]["destination_addr"] == "375291112233"


def test_who_reads_numbers_masked_sees_no_packets(site: Site) -> None:
    """P10. Packets hold whole numbers."""
    owner = site.set_up()
    first, *_ = site.run(_live(site, 3))
    site.run(keep(site, first))
    viewer = site.add_member(owner, "viewer")
    page = viewer.get(f"/stores/1/messages/{first}").text
    assert "support and above may look" in page
    assert "375291112233" not in page and "33 37 35 32" not in page
    assert "375291112233" in site.add_member(owner, "support").get(
        f"/stores/1/messages/{first}"
    ).text  # fmt: skip


def test_octets_are_written_sixteen_a_line() -> None:
    lines = hex_rows(bytes(range(65, 85))).split("\n")
    assert lines[0] == "0000  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP"
    assert lines[1].startswith("0010  51 52 53 54 ") and lines[1].endswith("  QRST")


@pytest.mark.browser
def test_the_packets_are_sound_when_opened(site: Site, look: Callable[..., Looker]) -> None:
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    first, *_ = site.run(_live(site, 3))
    site.run(keep(site, first))
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    looker.go(f"/stores/1/messages/{first}")
    for place in range(looker.page.locator(".wire summary").count()):
        looker.page.locator(".wire summary").nth(place).focus()
        looker.page.keyboard.press("Enter")
    assert looker.page.locator(".wire details[open]").count() == 6
    looker.assert_clean()
