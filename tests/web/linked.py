"""A store with a campaign whose message has gone to a person: what tests of links begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.campaigns import campaigns
from ringdove.records.store import stores
from ringdove.rules.campaigns.campaigns import Link, Plan
from ringdove.rules.links import links
from ringdove.rules.scenes import Store
from tests.web.conftest import Site

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PHONE_AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Mobile Safari/537.36"
)
DESKTOP_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
PHONE = {"user-agent": PHONE_AGENT, "accept": HTML, "accept-language": "ru-BY,ru;q=0.9"}
DESKTOP = PHONE | {"user-agent": DESKTOP_AGENT}

PERSON = """
INSERT INTO contact (bucket, store_id, id, phone, name, language, country, marketing, created_at)
VALUES (%(bucket)s, %(store_id)s, %(id)s, %(phone)s, 'Анна', 'ru', 'BY', 'in', %(at)s)
"""
MESSAGE = """
INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id,
  recipient, body, language, not_before, not_after, created_at, why, state, sent_at, campaign_id)
VALUES (%(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, 'sms', 'marketing', 'offers', 'campaign',
  1, %(phone)s, 'Sale', %(language)s, %(at)s, %(at)s, %(at)s, 'campaign', 'sent', %(at)s,
  %(campaign_id)s)
"""


@dataclass
class Sent:
    """A message and its person."""

    store: Store
    campaign_id: int
    contact_id: int
    message_id: int
    key: bytes

    def token(self, number: int = 0) -> str:
        return links.token_of(self.store.id, self.message_id, number, self.key)


async def send(
    site: Site, told: Sequence[Link], *, store_id: int = 1, language: str = "ru",
    phone: str = "+375291112233", ago: timedelta = timedelta(minutes=5), **plan: Any,
) -> Sent:  # fmt: skip
    """A campaign with these links, and its message to somebody new."""
    runtime = site.runtime
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, store_id)
        assert store is not None
        campaign_id = await campaigns.create(
            tx, store_id, "Black Friday", Plan(links=tuple(told), **plan), None, now
        )
        return await _send(tx, site, store, campaign_id, phone, language, now - ago)


async def _send(
    tx: db.Tx, site: Site, store: Store, campaign_id: int, phone: str, language: str, at: datetime
) -> Sent:
    bucket = stores.of_key(store, f"phone/{phone}")
    contact_id, message_id = site.runtime.ids.make_many(bucket, 2)
    given = {
        "bucket": bucket, "store_id": store.id, "id": contact_id, "phone": phone, "at": at,
        "contact_id": contact_id, "campaign_id": campaign_id, "language": language,
    }  # fmt: skip
    await tx.execute(PERSON, given)
    await tx.execute(MESSAGE, given | {"id": message_id})
    return Sent(store, campaign_id, contact_id, message_id, site.runtime.link_key)


async def rows(site: Site, statement: str, **given: Any) -> list[dict[str, Any]]:
    """What a query finds."""
    async with db.transaction(site.runtime.pool) as tx:
        return list(await (await tx.execute(statement, given)).fetchall())  # type: ignore[arg-type]


async def clicks(site: Site, sent: Sent) -> list[dict[str, Any]]:
    """The clicks of a message as they are written."""
    return await rows(
        site, "SELECT * FROM link_click WHERE bucket = %(b)s AND message_id = %(m)s ORDER BY id",
        b=bucket_of_id(sent.message_id), m=sent.message_id,
    )  # fmt: skip
