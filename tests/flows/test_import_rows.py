"""Random dirty lists: no row is lost, the count is the run, and nobody is let in who refused."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ringdove.kit import db
from ringdove.records.lists import imports
from ringdove.rules.lists import people_files, people_joins, people_rows
from ringdove.rules.lists.people_rows import REASONS, Row
from tests.flows.conftest import NOON, Shop
from tests.flows.test_importing import AGREED, assert_chained, bring

OUTCOMES = ("new", "updated", "same", "again", "rejected")

phones = st.sampled_from(
    ["+375291112233", "8 (029) 111-22-33", "375291112244", "80291112244", "+39 347 1234567", "12",
     "", "нет", "моб. 291112255, дом. 2000000", "+375291112266;", '"29', "=1+1"]
)  # fmt: skip
emails = st.sampled_from(["", "a@b.by", "A@B.by", "c@d.it", "кто-то", "o@brest.by", "x@y"])
names = st.sampled_from(["", "Анна", "Анна \n Коваль", 'О"Нил', "a;b", "\\N", "\t", "'); DROP"]) | (
    st.text(max_size=8).map(lambda text: text.replace("\r", " "))
)
said = st.sampled_from(["", "да", "нет", "yes", "no", "perhaps"])
accounts = st.sampled_from(["", "", "7", "8"])
rows = st.lists(st.tuples(phones, names, emails, said, accounts), max_size=12)


def _written(some: list[tuple[str, ...]], delimiter: str, quoting: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, escapechar=None)
    writer.writerow(["phone", "name", "e-mail", "consent", "account"])
    for row in some:
        writer.writerow([cell.replace("\x00", "") for cell in row])
    return out.getvalue().encode("utf-8", "replace").decode()


@pytest.mark.slow
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    first=rows, second=rows, delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    on_known=st.sampled_from(["fill", "overwrite"]), doubtful=st.sampled_from(["keep", "reject"]),
)  # fmt: skip
def test_every_row_of_a_random_list_ends_as_exactly_one_thing(
    play: Callable[..., None],
    first: list[tuple[str, ...]],
    second: list[tuple[str, ...]],
    delimiter: str,
    quoting: Any,
    on_known: str,
    doubtful: str,
) -> None:
    """R91, R11. Two lists of the same people, one after the other."""
    columns = {"phone": 0, "name": 1, "email": 2, "consent": 3, "account": 4}

    async def story(shop: Shop) -> None:
        refused: set[int] = set()
        for some in (first, second):
            text = _written(some, delimiter, quoting)
            dialect = people_files.Dialect("utf-8", delimiter, True)
            one = await bring(
                shop, text, **AGREED, columns=columns, on_known=on_known, doubtful=doubtful,
                dialect=dialect,
            )  # fmt: skip
            there = list(people_files.rows([text.encode()], dialect))[1:]
            counted = {name: one.counts.get(name, 0) for name in OUTCOMES}
            assert sum(counted.values()) == len(there)
            assert counted == {name: one.forecast.get(name, 0) for name in OUTCOMES}
            async with db.transaction(shop.runtime.pool) as tx:
                rejected = await imports.rejected(tx, shop.store, one.id)
            assert len(rejected) == counted["rejected"]
            lines = {row["line"] for row in rejected}
            assert all(row["reason"] in REASONS for row in rejected)
            refs = {
                (row["kind"], row["value"]): row["contact_id"]
                for row in await shop.rows(
                    "SELECT * FROM contact_ref WHERE store_id = %(id)s", id=shop.store.id
                )
            }
            for line, cells in there:
                row = people_rows.judge(line, cells, one.plan, people_rows.Known(), NOON)
                assert isinstance(row, Row) == (line not in lines)
                if isinstance(row, Row):
                    keys = people_joins.keys_of(row)
                    assert all(key in refs for key in keys)
                    if row.said == "out" and keys:
                        refused.add(refs[keys[0]])
            states = {
                row["id"]: row["marketing"]
                for row in await shop.rows(
                    "SELECT * FROM contact WHERE store_id = %(id)s", id=shop.store.id
                )
            }
            assert all(states[one] == "out" for one in refused if row_is_own(refs, one))
        await assert_chained(shop)

    play(story)


def row_is_own(refs: dict[tuple[str, str], int], contact_id: int) -> bool:
    """Whether a phone leads to this person: then who is meant is beyond doubt."""
    return any(kind == "phone" and one == contact_id for (kind, _), one in refs.items())
