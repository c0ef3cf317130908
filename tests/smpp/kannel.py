"""Kannel as a client of our SMSC's end, where there is no network but loopback.

`python -m tests.smpp.kannel FOLDER` is what test_interop_kannel.py runs in a namespace of its own,
as Kannel listens on every address. It prints what was heard on both sides, as JSON.
"""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

from ringdove.gateways import smpp as gateway
from ringdove.smpp import tlvs
from ringdove.smpp.parts import Joiner
from ringdove.smpp.pdu import DeliverSm
from ringdove.smpp.session import Answered, Asked, BindAsked, Closed
from tests.smpp.interop import WAIT_S, Link, answered, listening

PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
BOXES = ("bearerbox", "smsbox")
ADMIN, BEARER, HTTP = 13_000, 13_001, 13_013
SETTINGS = gateway.Settings.model_validate({"host": "h", "system_id": "smsc"})
WRITTEN = ("STOP", ("Где мой заказ? " * 7).strip())
TEXTS = [("Hi [€5] @", 0), ("Привет, где заказ?", 2), ("Ваш заказ принят. " * 8, 2)]

CONFIGURED = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = play
smsbox-port = {bearer}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = shop
smsc-password = secret
system-type = "SMPP"
enquire-link-interval = 1
source-addr-autodetect = true
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-level = 1

group = sendsms-user
username = play
password = play
max-messages = 5
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
concatenation = true
get-url = "http://127.0.0.1:{hear}/text?from=%p&text=%a&coding=%c"
"""


def why_not() -> str:
    """Why Kannel cannot be asked here; empty: it can."""
    if any(shutil.which(box, path=PATH) is None for box in BOXES):
        return "Kannel is not installed: apt-get install kannel"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "Kannel listens on every address and must be shut off: needs unshare and ip"
    return ""


class Ears:
    """What Kannel calls: the path and its query, one by one."""

    def __init__(self) -> None:
        calls: Queue[dict[str, str]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                call = dict(parse_qsl(address.query, encoding="latin-1"))
                if call.pop("coding", "") == "2":  # Kannel hands UCS-2 on as it came
                    call["text"] = call["text"].encode("latin-1").decode("utf-16-be")
                calls.put({"path": address.path, **call})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *given: object) -> None:
                pass

        self._calls = calls
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self) -> dict[str, str]:
        return self._calls.get(timeout=WAIT_S)


@contextmanager
def boxes(folder: Path, smsc: int, hear: int) -> "Iterator[list[subprocess.Popen[bytes]]]":
    conf = folder / "kannel.conf"
    ports = {"admin": ADMIN, "bearer": BEARER, "http": HTTP, "smsc": smsc, "hear": hear}
    conf.write_text(CONFIGURED.format(**ports))
    running: list[subprocess.Popen[bytes]] = []
    with (folder / "log").open("wb") as log:
        try:
            for box, port in zip(BOXES, (BEARER, HTTP), strict=True):
                program = shutil.which(box, path=PATH)
                assert program is not None
                running.append(
                    subprocess.Popen([program, str(conf)], stdout=log, stderr=log, cwd=folder)
                )
                until_open(port)
            yield running
        finally:
            for process in running:
                process.kill()
                process.wait()


def until_open(port: int) -> None:
    until = time.monotonic() + WAIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def send(text: str, coding: int, hear: int) -> None:
    octets = text.encode("utf-16-be") if coding == 2 else text.encode()
    query = {
        "username": "play", "password": "play", "from": "Shop", "to": "+375291112233",
        "coding": coding, "charset": "UTF-16BE" if coding == 2 else "UTF-8", "text": octets,
        "dlr-mask": 3, "dlr-url": f"http://127.0.0.1:{hear}/receipt?state=%d&id=%F",
    }  # fmt: skip
    with urlopen(f"http://127.0.0.1:{HTTP}/cgi-bin/sendsms?{urlencode(query)}", timeout=WAIT_S):
        pass


def tell(us: Link, body: DeliverSm) -> int:
    us.say(us.session.ask(body, body, time.monotonic()))
    (answer,) = us.wait(Answered)
    return int(answer.status)


def heard(us: Link) -> dict[str, Any]:
    """The next text that becomes whole, all its parts answered and receipted."""
    joiner: Joiner[Asked] = Joiner()
    found: dict[str, Any] = {"parts": 0, "receipts": []}
    while "text" not in found:
        for asked in us.wait(Asked):
            read = gateway.read(SETTINGS, asked.body)
            assert isinstance(read, gateway.TextRead)
            found["parts"] += 1
            message_id = f"id-{asked.sequence}"
            us.say(us.session.answer(asked, message_id))
            if asked.body.registered_delivery & 1:
                found["receipts"].append(tell(us, receipt(asked.body, message_id)))
            whole = [] if read.part else [read.octets]
            if read.part:
                whole = [one.octets for one in joiner.add("", read.part, read.octets, asked, 0.0)]
            for octets in whole:
                found["text"] = gateway.decode(SETTINGS, read.coding, octets, read.shift)
                found |= {"from": read.sender, "to": read.recipient}
    return found


def receipt(body: Any, message_id: str) -> DeliverSm:
    text = (
        f"id:{message_id} sub:001 dlvrd:001 submit date:2601021530 done date:2601021531"
        " stat:DELIVRD err:000 text:"
    )
    return DeliverSm(
        source_addr_ton=body.dest_addr_ton,
        source_addr_npi=body.dest_addr_npi,
        source_addr=body.destination_addr,
        dest_addr_ton=body.source_addr_ton,
        dest_addr_npi=body.source_addr_npi,
        destination_addr=body.source_addr,
        esm_class=4,
        short_message=text.encode(),
        tlvs=(tlvs.make("receipted_message_id", message_id), tlvs.make("message_state", 2)),
    )


def written(text: str) -> list[DeliverSm]:
    """A person's text, in parts where it is long."""
    submits = gateway.request(
        SETTINGS, text=text, recipient="1234", sender="+375291112233", not_after=None, reference=9
    )
    return [
        DeliverSm("", 1, 1, "375291112233", 3, 0, "1234", esm_class=one.esm_class,
                  data_coding=one.data_coding, short_message=one.short_message)
        for one in submits
    ]  # fmt: skip


def converse(folder: Path) -> dict[str, Any]:
    ears = Ears()
    with listening() as door:
        with (
            boxes(folder, door.getsockname()[1], ears.port) as (bearerbox, _),
            answered(door) as us,
        ):
            (asked,) = us.wait(BindAsked)
            us.say(us.session.accept("ringdove", time.monotonic()))
            texts = []
            for text, coding in TEXTS:
                send(text, coding, ears.port)
                texts.append(heard(us))
                texts[-1]["told"] = ears.next()
            inbound = []
            for text in WRITTEN:
                acknowledged = [tell(us, body) for body in written(text)]
                inbound.append({"acknowledged": acknowledged, "told": ears.next()})
            us.socket.settimeout(3)
            us.hear()  # enquire_link, every second; the session has answered it
            us.socket.settimeout(WAIT_S)
            bearerbox.terminate()
            (closed,) = us.wait(Closed)
    bind = asked.bind
    return {
        "bind": [type(bind).__name__, bind.system_id, bind.password, bind.system_type],
        "texts": texts,
        "inbound": inbound,
        "closed": closed.reason,
    }


if __name__ == "__main__":
    print(json.dumps(converse(Path(sys.argv[1]))))
