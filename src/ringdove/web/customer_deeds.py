"""What support does for one customer: write down a consent, settle a number, send one text.

A consent and a number are facts of our own and are answered like all others; a text goes through
the same decision as every text (P1). Each leaves its line in the audit.
"""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records import facts as fact_records
from ringdove.records import lookups
from ringdove.rules import phones
from ringdove.rules.facts import ConsentChanged, Customer, Fact, PhoneSettled
from ringdove.web import composer, handwork
from ringdove.web.customers import ContactId, known, render
from ringdove.web.forms import Filled, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/customers/{contact_id}", include_in_schema=False)

SOURCE_MAX = 40
WHY_NAME_MAX = 60


class ConsentChange(Filled):
    scope: Literal["marketing", "service"]
    change: Literal["in", "out"]
    words: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Number(Filled):
    phone: Annotated[str, StringConstraints(min_length=3, max_length=60)]


Klass = Literal["service", "marketing"]


class Typed(Filled):
    text: Annotated[str, StringConstraints(max_length=handwork.TEXT_CHARS_MAX)] = ""
    klass: Klass = "service"


class ByHand(Filled):
    text: Annotated[str, StringConstraints(min_length=1, max_length=handwork.TEXT_CHARS_MAX)]
    klass: Klass
    key: Annotated[str, StringConstraints(min_length=8, max_length=100)]


async def _tell(page: StorePage, fact: Fact, action: str, subject: str, **detail: str) -> None:
    async with page.transaction() as tx:
        now = page.runtime.clock()
        await fact_records.write(tx, page.store, 0, [fact], now, page.runtime.ids)
        await page.audit(tx, action, subject, **detail)


@router.post("/consent")
async def change_consent(page: SupportPage, contact_id: ContactId) -> Response:
    """A yes or a no that somebody gave, in their words; a no takes back what waits."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
    form = await read_form(page.request, ConsentChange, page.say)
    if form.filled is None:
        return await render(
            page, contact_id, 422, consent_errors=form.errors, open_now="consent-dialog"
        )
    given, now = form.filled, page.runtime.clock()
    fact = ConsentChanged(
        id=f"page/consent/{contact_id}/{now:%Y%m%dT%H%M%S%f}",
        at=now,
        contact=contact_id,
        scope=given.scope,
        change=given.change,
        words=given.words,
        source=f"page/{page.user.name}"[:SOURCE_MAX],
    )
    name = who.name or str(contact_id)
    await _tell(page, fact, "consent.changed", name, scope=given.scope, change=given.change)
    return page.go(f"{page.home}/customers/{contact_id}", page.say.gettext("Written down."))


@router.post("/phone")
async def settle_phone(page: SupportPage, contact_id: ContactId) -> Response:
    """The number that was meant; the next text goes to it (P9)."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
    if who.person.phone:
        return page.go(f"{page.home}/customers/{contact_id}", _("There is a number already."))
    form = await read_form(page.request, Number, page.say)
    typed = str(form.values.get("phone", ""))
    country = who.person.country or page.store.country
    phone = phones.parse(form.filled.phone, country) if form.filled else None
    wrong = form.errors.get("phone", "")
    if isinstance(phone, phones.Doubtful):
        wrong = _("This cannot be read as a number that receives texts.")
    elif phone:
        async with page.transaction() as tx:
            other = await lookups.customer_behind(tx, page.store, "phone", phone.e164)
        if other:
            wrong = _("This is the number of %(name)s already.", name=other["name"] or "…")
    if wrong or not isinstance(phone, phones.Phone):
        return await render(
            page, contact_id, 422, phone_error=wrong, phone_typed=typed, open_now="phone-dialog"
        )
    now = page.runtime.clock()
    fact = PhoneSettled(
        id=f"page/phone/{contact_id}/{now:%Y%m%dT%H%M%S%f}",
        at=now,
        contact=contact_id,
        phone=phone.e164,
    )
    await _tell(page, fact, "customer.phone_settled", who.name or str(contact_id))
    return page.go(
        f"{page.home}/customers/{contact_id}", _("Settled: the next text goes to this number.")
    )


@router.post("/measure")
async def measure(page: SupportPage, contact_id: ContactId) -> Response:
    """The size of what is being typed, and what the decision says; nothing is kept."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
    form = await read_form(page.request, Typed, page.say)
    if form.filled is None:
        raise HTTPException(422)
    look = composer.look(page, who.person, form.filled.text, form.filled.klass)
    return page.render("customer_measure.html", look=look)


@router.post("/text")
async def send_text(page: SupportPage, contact_id: ContactId) -> Response:
    """One text by hand. The same form again is the same text, sent once."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
    form = await read_form(page.request, ByHand, page.say)
    person = who.person
    if form.filled is None or person.phone is None:
        typed = str(form.values.get("text", ""))[: handwork.TEXT_CHARS_MAX]
        look = composer.look(page, person, typed, "service")
        return await render(page, contact_id, 422, typed=typed, look=look, open_now="text-dialog")
    given = form.filled
    wish = handwork.Wish(
        Customer(phone=person.phone, country=person.country or ""),
        given.text,
        given.klass,
        f"page/{page.user.name[:WHY_NAME_MAX]}",
        given.key,
    )
    made = await handwork.send(page.runtime, page.store, wish)
    if not made["repeated"]:
        async with page.transaction() as tx:
            await page.audit(tx, "message.sent", who.name or str(contact_id))
    return page.go(f"{page.home}/customers/{contact_id}", _outcome(page, made))


def _outcome(page: StorePage, made: handwork.Answer) -> str:
    _ = page.say.gettext
    if made["state"] == "dropped":
        why = reason_words(page.say, made["reason"])
        return _("It was not sent. %(why)s", why=why)
    if made["reason"]:
        return _("It is queued. %(why)s", why=reason_words(page.say, made["reason"]))
    return _("It is on its way.")
