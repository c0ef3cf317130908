"""What programs ask about consent: a person's permissions and their story, the state of the whole
ledger, and the proof as a zip (N1). Changes are told in tell.py, a yes as the event consent.given.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.consent import ledger, proof
from ringdove.records.consent.confirming import question
from ringdove.records.people import lookups
from ringdove.rules.consent import permissions
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.consent.proof import download

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Consent"])

RowId = Annotated[int, Path(ge=1, le=lookups.NO_END, description="As text or number.")]
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"description": "The proof", "content": {"application/zip": {}}}
}
ROWS_MAX = 1_000


class Said(BaseModel):
    """An entry of the ledger."""

    at: datetime
    scope: str = Field(description="marketing, service, topic/<key>, category/<name>")
    change: str = Field(description="in, out, asked (waits for a confirmation), paused")
    until: datetime | None = None
    source: str
    words: str
    language: str
    ip: str | None = Field(description="null for viewers")
    device: str | None = Field(description="null for viewers")
    entry: int = Field(description="Its number in the person's chain; 0: from before the chain.")
    hash: str


class State(BaseModel):
    """How one thing stands."""

    state: str = Field(description="none, asked, in, out")
    since: datetime | None


class Permissions(BaseModel):
    """What a person allows now, and how it came about."""

    marketing: State
    service: State
    scopes: dict[str, State] = Field(description="Topics and categories with a word of their own.")
    paused_until: datetime | None
    confirm_until: datetime | None = Field(
        description="The number was asked to confirm; its answer counts until then."
    )
    story: list[Said] = Field(description="Newest first.")


@router.get("/customers/{contact_id}/consent", summary="A customer's permissions and their story")
async def customer_consent(contact_id: RowId, caller: ViewerKey) -> Permissions:
    """What is allowed now, since when, on which words."""
    async with caller.transaction() as tx:
        person = await ledger.person(tx, caller.store, contact_id)
        if person is None:
            raise HTTPException(404, "No customer has this id.")
        rows = await ledger.of_person(tx, caller.store, contact_id)
        for other in person.also:
            rows += await ledger.of_person(tx, caller.store, other)
        asked = await question(tx, caller.store, contact_id, "confirm")
    rows.sort(key=lambda row: (row["at"], row["id"]), reverse=True)

    def state(scope: str) -> State:
        since = permissions.said_at(person, scope)
        return State(state=permissions.state_of(person, scope), since=since)

    is_open = asked is not None and asked.state == "open" and asked.until > caller.now
    return Permissions(
        marketing=state("marketing"),
        service=state("service"),
        scopes={scope: state(scope) for scope in person.scopes},
        paused_until=person.paused_until,
        confirm_until=asked.until if asked and is_open else None,
        story=[_said(row, caller) for row in rows[:ROWS_MAX]],
    )


def _said(row: ledger.Row, caller: Caller) -> Said:
    masked = caller.role == "viewer"
    names = ("at", "scope", "change", "until", "source", "words", "language", "hash")
    return Said(
        **{name: row[name] for name in names},
        ip=None if masked else row["ip"],
        device=None if masked else row["device"],
        entry=row["seq"],
    )


class LedgerState(BaseModel):
    """What the last look at the whole ledger found."""

    checked_at: datetime | None
    rows: int = 0
    people: int = 0
    seals: int = 0
    fingerprint: str = Field("", description="Of all seals; keep it outside to prove more later.")
    broken: str = Field("", description="The first broken place; empty: all is as it was written.")


@router.get("/ledger", summary="Is the consent ledger whole?")
async def ledger_state(caller: MarketerKey) -> LedgerState:
    """As of the last look: each night, or when it was asked for."""
    async with caller.transaction() as tx:
        found = await ledger.found(tx, caller.store)
    names = LedgerState.model_fields
    return LedgerState(**{n: found[n] for n in names}) if found else LedgerState(checked_at=None)


class Asked(BaseModel):
    """It will be done."""

    accepted: bool


@router.post("/ledger/check", status_code=202, summary="Have the consent ledger checked now")
async def check_ledger(caller: MarketerKey) -> Asked:
    """A worker looks within a minute; ask `/ledger` for what it found."""
    async with caller.transaction() as tx:
        await ledger.ask(tx, caller.store, caller.now)
        await caller.audit(tx, "ledger.check_asked")
    return Asked(accepted=True)


@router.get(
    "/customers/{contact_id}/proof", summary="The proof of one customer's consent",
    response_class=Response, responses=ZIP,
)  # fmt: skip
async def customer_proof(contact_id: RowId, caller: SupportKey) -> Response:
    """A zip with verify.py in it, which verifies it without us."""
    async with caller.transaction() as tx:
        person = await ledger.person(tx, caller.store, contact_id)
        if person is None:
            raise HTTPException(404, "No customer has this id.")
        await caller.audit(tx, "proof.exported", str(contact_id))
    return download(caller.runtime, caller.store, proof.Wish((contact_id, *person.also)))


@router.get(
    "/proof", summary="The proof of everybody's consent", response_class=Response, responses=ZIP
)
async def store_proof(
    caller: MarketerKey,
    since: Annotated[AwareDatetime | None, Query(description="Written down from then on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Written down before.")] = None,
    customer: Annotated[
        list[RowId] | None, Query(max_length=proof.PEOPLE_MAX, description="Only these.")
    ] = None,
) -> Response:
    """A zip of any size, sent while it is packed."""
    if since and until and since >= until:
        raise HTTPException(422, "until lies before since.")
    chosen = tuple(customer or ())
    async with caller.transaction() as tx:
        await caller.audit(tx, "proof.exported", ", ".join(map(str, chosen[:3])))
    return download(caller.runtime, caller.store, proof.Wish(chosen, since, until))
