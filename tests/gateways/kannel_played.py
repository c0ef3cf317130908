"""Our requests to a Kannel that we did not write, with its fake SMSC: `python -m … FOLDER`.

Kannel listens on every address of a machine, so this runs in a network namespace of its own, where
there is only loopback (test_kannel_itself.py sees to it). Prints one JSON document.
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from ringdove.gateways import kannel
from ringdove.gateways.edge import Call, Outgoing, Reply
from ringdove.kit import http

DOOR = "http://127.0.0.1:8080/in/gateways/t"
ITS = kannel.Settings(
    url="http://127.0.0.1:13013/cgi-bin/sendsms", username="desk", password="opensesame",
    callback_secret="w",
)  # fmt: skip
CONFIGURED = """
group = core
admin-port = 13000
admin-password = opensesame
smsbox-port = 13001
log-level = 4
dlr-storage = internal
box-allow-ip = 127.0.0.1

group = smsc
smsc = fake
smsc-id = fake
port = 10000
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = 13013
log-level = 4

group = sendsms-user
username = desk
password = opensesame
max-messages = 10
concatenation = true

group = sms-service
keyword = default
max-messages = 0
catch-all = true
get-url = "{door}?secret=w&from=%q&to=%Q&id=%I&at=%T&coding=%c&charset=%C&body=%b"
"""
TEXTS = [
    ("0000000000001", "Hello & you + 100 %d", "GSM-7", 1, "opensesame"),
    ("0000000000002", "Ваш заказ 🕊", "UCS-2", 1, "opensesame"),
    ("0000000000003", "x" * 400, "GSM-7", 3, "opensesame"),
    ("0000000000004", "Hi", "GSM-7", 1, "wrong"),
]
SAID = ["375291112233 1234 text Stop + go", "375291112233 1234 text Così €"]


async def main(home: Path) -> dict[str, Any]:
    calls: list[Call] = []

    async def hear(request: web.Request) -> web.Response:
        url = f"http://127.0.0.1:8080{request.rel_url.raw_path_qs}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        calls.append(Call(request.method, url, headers, await request.read(), datetime.now(UTC)))
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 8080).start()
    file = home / "kannel.conf"
    file.write_text(CONFIGURED.format(door=DOOR))
    boxes = []
    try:
        for box, port in (("bearerbox", 13001), ("smsbox", 13013)):
            boxes.append(subprocess.Popen([f"/usr/sbin/{box}", str(file)], stdout=-3, stderr=-3))
            await _answers(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", 10000)
        outcomes = [await _ask(*text) for text in TEXTS]
        at_the_smsc = [(await reader.readline()).decode() for _ in range(5)]
        for line in SAID:
            writer.write(f"{line}\n".encode())
        async with asyncio.timeout(20):
            while len(calls) < 3 * 2 + len(SAID):
                await asyncio.sleep(0.05)
        writer.close()
    finally:
        for one in reversed(boxes):
            one.kill()
            one.wait()
        await runner.cleanup()
    heard = [kannel.hear(ITS, call) for call in calls]
    return {
        "outcomes": outcomes,
        "smsc": at_the_smsc,
        "receipts": sorted((r.provider_id, r.state) for h in heard for r in h.receipts),
        "texts": [(t.sender, t.recipient, t.body, bool(t.id)) for h in heard for t in h.texts],
    }


async def _answers(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return


async def _ask(reference: str, text: str, encoding: str, parts: int, password: str) -> Any:
    now = datetime.now(UTC)
    its = ITS.model_copy(update={"password": kannel.SecretStr(password)})
    outgoing = Outgoing(
        reference, "+375291112233", "Linden", text, encoding, parts, "service",
        now + timedelta(hours=2), now, DOOR,
    )  # fmt: skip
    request = kannel.request(its, outgoing)
    async with http.opened(20) as ask:
        reply = await ask(request.method, request.url, request.headers, request.body)
    outcome = kannel.outcome(its, outgoing, Reply(reply.status, reply.headers, reply.body))
    return type(outcome).__name__, asdict(outcome)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
