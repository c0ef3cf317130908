"""Two contests by text: one drawn by its published rule, one that anybody can enter now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringdove.demo.chance import Chance
from ringdove.demo.rows import COLUMNS
from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.contests import contests, draws, entries
from ringdove.rules.contests.contests import Contest, Entry, ticket_of
from ringdove.rules.effects import SaveEntry
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

WORD = "WINTER"
ENTRIES = 180
TOKEN_BYTES = 9
PRIZE = {
    "en": "a teapot by Tilia", "ru": "чайник «Тилия»", "be": "імбрык «Тылія»",
    "it": "una teiera Tilia", "es": "una tetera Tilia",
}  # fmt: skip
BRIEF = {
    "en": "Text the word once, any number may, it costs a text. Three win.",
    "ru": "Пришлите слово один раз, участвует любой номер. Выиграют трое.",
    "be": "Дашліце слова адзін раз, удзельнічае любы нумар. Выйграюць трое.",
    "it": "Invia la parola una volta, vale ogni numero. Vincono in tre.",
    "es": "Envía la palabra una vez, vale cualquier número. Ganan tres.",
}
RULES = {
    "en": "One entry a number. Nothing has to be bought. Winners are drawn by the rule below and"
    " told by text within a day; a substitute moves up after a week without an answer.",
    "ru": "Один номер участвует один раз. Покупать ничего не нужно. Победителей определяет правило"
    " ниже, им напишем в тот же день; через неделю без ответа приз получит запасной.",
    "be": "Адзін нумар удзельнічае адзін раз. Купляць нічога не трэба. Пераможцаў вызначае правіла"
    " ніжэй; праз тыдзень без адказу прыз атрымае запасны.",
    "it": "Una partecipazione per numero, senza acquisto. I vincitori si estraggono con la regola"
    " qui sotto; dopo una settimana senza risposta passa alla riserva.",
    "es": "Una participación por número, sin compra. Los ganadores salen de la regla de abajo; tras"
    " una semana sin respuesta pasa al suplente.",
}
AUTUMN = Contest(
    0, "", "Autumn teapot", datetime.min, datetime.min, ("TEA", "ЧАЙ"), PRIZE, BRIEF, RULES,
    winners=3, substitutes=2,
)  # fmt: skip
NOW = replace(AUTUMN, name="A teapot for the New Year", words=(WORD, "ЗИМА"))


async def hold(
    tx: Tx, runtime: Runtime, store: Store, people: Sequence[tuple[Any, ...]], now: datetime
) -> None:
    """Both of them. `people`: rows of contact, of whom some take part."""
    names = COLUMNS["contact"]
    known = [dict(zip(names, row, strict=True)) for row in people]
    reached = [
        one for one in known if one["phone"] and one["created_at"] < now - timedelta(days=50)
    ]
    over = await _opened(tx, runtime, store, AUTUMN, now, begins=40, ends=12)
    await _enter(tx, store, over, reached, now - timedelta(days=40), 28.0)
    await draws.close(tx, store, over.id, now - timedelta(days=11))
    await draws.draw(tx, store, over.id, "", runtime.sealer, runtime.ids, now)
    running = await _opened(tx, runtime, store, NOW, now, begins=6, ends=-24)
    await _enter(tx, store, running, reached[::2], now - timedelta(days=6), 5.9)


async def _opened(
    tx: Tx, runtime: Runtime, store: Store, contest: Contest, now: datetime, *, begins: int,
    ends: int,
) -> Contest:  # fmt: skip
    """`begins`, `ends`: days ago."""
    at = now - timedelta(days=begins, hours=3)
    timed = replace(
        contest, token=new_token(TOKEN_BYTES), begins=now - timedelta(days=begins),
        ends=now - timedelta(days=ends),
    )  # fmt: skip
    number = await contests.create(tx, store.id, timed, at)
    await contests.open_now(tx, store.id, number, runtime.sealer, at)
    found = await contests.find(tx, store.id, number)
    assert found is not None
    return found


async def _enter(
    tx: Tx, store: Store, contest: Contest, people: Sequence[Mapping[str, Any]], since: datetime,
    days: float,
) -> None:  # fmt: skip
    chance = Chance("contest", contest.name)
    some = {one["id"]: one for one in (chance.one_of(people) for _ in range(ENTRIES))}
    made = [
        Entry(
            contest.id, ticket_of(contest, one["phone"]), one["id"],
            since + chance.span(60, days * 86_400), contest.words[0],
        )
        for one in some.values()
    ]  # fmt: skip
    await entries.write(tx, store, [SaveEntry(entry, is_new=True) for entry in made])
