"""Buckets, ids, tokens: where a row lives is a pure function of its key, for ever."""

from datetime import UTC, datetime
from itertools import pairwise
from threading import Thread

import psycopg

from ringdove.kit.buckets import (
    BUCKETS,
    EPOCH_MS,
    INDEX_OF,
    SLOTS,
    Ids,
    bucket_of,
    bucket_of_id,
    buckets_of_store,
    id_floor,
    id_of,
    made_at,
    token_of,
)

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


def test_buckets_fill_the_shards_of_a_cluster_evenly(database_url: str) -> None:
    """design.md, "Bucket": the smallest integer in each of 128 equal slices of hashint4(), asked
    of PostgreSQL itself."""
    with psycopg.connect(database_url) as link:
        rows = link.execute(
            """SELECT min(n) FROM (
                 SELECT n, (hashint4(n)::bigint + 2147483648) >> 25 AS slice
                 FROM generate_series(0, 5000) n) s
               GROUP BY slice ORDER BY slice"""
        ).fetchall()
    assert tuple(row[0] for row in rows) == BUCKETS
    assert len(set(BUCKETS)) == len(INDEX_OF) == 128


def test_the_bucket_of_a_key_never_changes() -> None:
    """Rows are found by it: another answer tomorrow would lose every row of today."""
    assert bucket_of(0, 1, "phone/+375291112233") == BUCKETS[0]
    assert bucket_of(7, 1, "order/42") == BUCKETS[7]
    assert bucket_of(0, 128, "phone/+375291112233") == BUCKETS[93]
    assert bucket_of(120, 128, "order/42") == BUCKETS[(120 + 48) % 128]


def test_a_store_lives_in_the_buckets_that_it_says() -> None:
    """A small store in one, a big one in all, and none elsewhere."""
    assert buckets_of_store(5, 1) == [BUCKETS[5]]
    assert buckets_of_store(127, 2) == [BUCKETS[127], BUCKETS[0]]
    assert sorted(buckets_of_store(31, 128)) == sorted(BUCKETS)
    inside = set(buckets_of_store(100, 40))
    assert {bucket_of(100, 40, f"phone/{n}") for n in range(4_000)} == inside


def test_an_id_carries_its_bucket_and_its_time() -> None:
    ids = Ids(slot=3, clock_ms=lambda: NOON_MS)
    for bucket in BUCKETS:
        made = ids.make(bucket)
        assert 0 < made < 1 << 63
        assert bucket_of_id(made) == bucket
        assert abs(made_at(made) - NOON).total_seconds() < 1
        assert id_floor(NOON) <= made


def test_ids_only_grow_even_when_the_clock_goes_back() -> None:
    """A range of time is a range of ids, and nothing is ever made twice."""
    now = [NOON_MS]
    ids = Ids(slot=0, clock_ms=lambda: now[0])
    made = []
    for step in (0, 5, -1000, 0, 3):
        now[0] += step
        made += ids.make_many(BUCKETS[0], 700)
    assert all(a < b for a, b in pairwise(made))


def test_two_slots_never_make_the_same_id() -> None:
    one, other = (Ids(slot, clock_ms=lambda: NOON_MS) for slot in (0, SLOTS - 1))
    assert not set(one.make_many(BUCKETS[1], 2_000)) & set(other.make_many(BUCKETS[1], 2_000))


def test_threads_share_one_maker() -> None:
    ids, made = Ids(slot=1), []
    threads = [
        Thread(target=lambda: made.extend(ids.make_many(BUCKETS[2], 3_000))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 12_000


def test_a_token_is_its_id_as_people_meet_it() -> None:
    """Whoever holds a link holds the bucket too; what is no token is None, not an error."""
    ids = Ids(slot=3, clock_ms=lambda: NOON_MS)
    for bucket in BUCKETS:
        made = ids.make(bucket)
        assert id_of(token_of(made)) == made
        assert id_of(token_of(made).upper()) == made
    assert id_of(token_of((1 << 63) - 1)) == (1 << 63) - 1
    for wrong in ("", "abc", "il" * 6 + "o", "z" * 13, "0" * 14, "<script>12345"):
        assert id_of(wrong) is None


def test_the_epoch_leaves_room_for_this_century() -> None:
    last = Ids(SLOTS - 1, clock_ms=lambda: EPOCH_MS + (1 << 41) - 2)
    assert last.make(BUCKETS[127]) < 1 << 63
    assert made_at(last.make(BUCKETS[127])).year > 2090
