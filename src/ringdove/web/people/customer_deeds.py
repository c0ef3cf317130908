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
from ringdove.records.people import lookups
from ringdove.rules.facts import ConsentChanged, Customer, Fact, PhoneSettled
from ringdove.rules.people import phones
from ringdove.web.forms import Filled, read_form
from ringdove.web.people.customers import ContactId, Known, known, render
from ringdove.web.reasons import reason_words
from ringdove.web.sending import composer, handwork
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/customers/{contact_id}", include_in_schema=False)

SOURCE_MAX = 40
WHY_NAME_MAX = 60


class ConsentChange(Filled):
    scope: Literal["marketing", "service"]
    change: Literal["in", "out"]
    words: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Number(Filled):
    phone: Annotated[str, StringConstraints(min_length=3, max_length=60)] = ""
    none: str = ""


Klass = Literal["service", "marketing"]


class Typed(Filled):
    text: Annotated[str, StringConstraints(max_length=handwork.TEXT_CHARS_MAX)] = ""
    klass: Klass = "service"
    topic: Annotated[str, StringConstraints(max_length=80)] = "offers"
    category: Annotated[str, StringConstraints(max_length=200)] = ""
    occasion: Annotated[str, StringConstraints(max_length=200)] = ""

    def offer(self) -> composer.Offer:
        return composer.Offer(self.topic or "offers", self.category, self.occasion)


class ByHand(Typed):
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
    if form.filled and form.filled.none == "yes":
        return await _no_number(page, who)
    typed = str(form.values.get("phone", ""))
    other = None
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
            page, contact_id, 422, phone_error=wrong, phone_typed=typed,
            phone_of=other and other["id"], open_now="phone-dialog",
        )  # fmt: skip
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


async def _no_number(page: StorePage, who: Known) -> Response:
    """It is none: nobody is asked again about what was typed here."""
    now, contact_id = page.runtime.clock(), who.person.id
    fact = PhoneSettled(
        id=f"page/phone/{contact_id}/{now:%Y%m%dT%H%M%S%f}",
        at=now,
        contact=contact_id,
        raw=who.person.phone_doubt or "",
    )
    await _tell(page, fact, "customer.phone_settled", who.name or str(contact_id))
    said = page.say.gettext("Closed: what was typed is not a number.")
    return page.go(f"{page.home}/customers/{contact_id}", said)


@router.post("/measure")
async def measure(page: SupportPage, contact_id: ContactId) -> Response:
    """The size of what is being typed, and what the decision says; nothing is kept."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
    form = await read_form(page.request, Typed, page.say)
    if form.filled is None:
        raise HTTPException(422)
    async with page.transaction() as tx:
        past = await composer.past_of(tx, page, who.person)
    given = form.filled
    look = composer.look(page, who.person, given.text, given.klass, past, given.offer())
    return page.render("people/customer_measure.html", look=look)


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
        topic=given.offer().topic if given.klass == "marketing" else "by_hand",
        category=given.category,
        occasion=given.occasion,
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
