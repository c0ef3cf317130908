"""Where a row lives, and what it is called: buckets, ids, public tokens.

Everything about one person lies in one bucket (the first column of every key of a table that
grows), so the same SQL runs on a laptop and on a cluster that spreads tables by bucket. An id is
64-bit and time-ordered and carries its bucket in the low 7 bits: whoever holds an id knows where
to look. A bucket is a pure function of a natural key and is never updated.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zlib import crc32

# For each of the 128 equal slices of PostgreSQL's hashint4() the smallest integer that falls into
# it: a cluster that hashes this column fills its shards evenly. tests/kit/test_buckets.py asks
# PostgreSQL itself.
# fmt: off
BUCKETS: tuple[int, ...] = (
    298, 60, 8, 20, 230, 82, 118, 1, 155, 31, 88, 311, 148, 79, 26, 24, 35, 10, 115, 92, 104, 48,
    109, 466, 5, 208, 290, 112, 50, 77, 166, 504, 61, 4, 7, 215, 17, 51, 172, 287, 133, 16, 111,
    96, 269, 170, 217, 85, 36, 191, 89, 271, 110, 19, 55, 0, 37, 65, 45, 103, 158, 101, 117, 3,
    161, 113, 366, 52, 62, 353, 99, 367, 165, 136, 168, 509, 102, 46, 28, 154, 6, 73, 66, 71, 335,
    70, 21, 34, 83, 124, 49, 39, 43, 167, 371, 13, 47, 2, 382, 351, 27, 199, 95, 114, 333, 58, 149,
    481, 41, 219, 224, 179, 131, 9, 80, 81, 59, 72, 190, 22, 29, 12, 78, 11, 67, 44, 107, 18,
)
# fmt: on
INDEX_OF: dict[int, int] = {bucket: index for index, bucket in enumerate(BUCKETS)}

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
BUCKET_BITS, SEQUENCE_BITS, SLOT_BITS = 7, 9, 6
SLOTS = 1 << SLOT_BITS  # processes that make ids at the same time (table process_slot)
_SEQUENCES = 1 << SEQUENCE_BITS
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing looks like another


def bucket_of(base: int, span: int, key: str) -> int:
    """The bucket of a natural key in a store that spreads over `span` buckets from `base`."""
    return BUCKETS[(base + crc32(key.encode()) % span) % 128]


def buckets_of_store(base: int, span: int) -> list[int]:
    """All buckets that a store's rows can lie in."""
    return [BUCKETS[(base + n) % 128] for n in range(span)]


def bucket_of_id(row_id: int) -> int:
    """The bucket that a row with this id lies in."""
    return BUCKETS[row_id & 127]


def id_floor(at: datetime) -> int:
    """The smallest id that can have been made at `at` or later: a time range is an id range."""
    milliseconds = max(0, int(at.timestamp() * 1000) - EPOCH_MS)
    return milliseconds << (SLOT_BITS + SEQUENCE_BITS + BUCKET_BITS)


def made_at(row_id: int) -> datetime:
    """When an id was made (UTC, to the millisecond)."""
    milliseconds = row_id >> (SLOT_BITS + SEQUENCE_BITS + BUCKET_BITS)
    return datetime.fromtimestamp((milliseconds + EPOCH_MS) / 1000, UTC)


class Ids:
    """Makes ids: milliseconds, process slot, sequence, bucket index. Safe between threads.

    Two processes never share a slot (records/slots.py leases them). Past 512 ids in one
    millisecond the next ones are borrowed from the milliseconds to come.
    """

    def __init__(self, slot: int, clock_ms: Callable[[], int] | None = None) -> None:
        self._slot = slot
        self._clock_ms = clock_ms or (lambda: time.time_ns() // 1_000_000)
        self._next = 0  # milliseconds and sequence as one number
        self._lock = threading.Lock()

    def _runs(self, count: int) -> list[range]:
        """So many new ids without their bucket: a range for each millisecond."""
        with self._lock:
            first = max(self._next, self._clock_ms() - EPOCH_MS << SEQUENCE_BITS)
            self._next = after = first + count
        runs, slot = [], self._slot << SEQUENCE_BITS
        while first < after:
            milliseconds, sequence = divmod(first, _SEQUENCES)
            some = min(after - first, _SEQUENCES - sequence)
            high = milliseconds << SLOT_BITS + SEQUENCE_BITS | slot | sequence
            runs.append(range(high, high + some))
            first += some
        return runs

    def move_to(self, slot: int) -> None:
        """Goes on in another slot."""
        self._slot = slot

    def make(self, bucket: int) -> int:
        """A new id for a row of this bucket."""
        return self._runs(1)[0].start << BUCKET_BITS | INDEX_OF[bucket]

    def lend(self, count: int) -> "LentIds":
        """So many ids for somebody who cannot ask: another process. Not used, they are lost."""
        return LentIds(self._runs(count))

    def make_many(self, bucket: int, count: int) -> list[int]:
        """`count` new ids of one bucket, in order."""
        index = INDEX_OF[bucket]
        return [high << BUCKET_BITS | index for run in self._runs(count) for high in run]


class LentIds:
    """Ids made elsewhere, in their order; which bucket each is for is said only here."""

    def __init__(self, runs: Sequence[range] = ()) -> None:
        self._runs = runs
        self._high = [high for run in reversed(runs) for high in reversed(run)]

    def __reduce__(self) -> tuple[type["LentIds"], tuple[Sequence[range]]]:
        return LentIds, (self._runs,)  # small enough never to fill a pipe

    def make(self, bucket: int) -> int:
        """The next one for a row of this bucket. Raises IndexError when none is left."""
        return self._high.pop() << BUCKET_BITS | INDEX_OF[bucket]

    @property
    def left(self) -> int:
        """How many there are."""
        return len(self._high)


def token_of(row_id: int) -> str:
    """An id as people meet it in an address: 13 signs of base 32."""
    return "".join(_ALPHABET[(row_id >> shift) & 31] for shift in range(60, -1, -5))


def id_of(token: str) -> int | None:
    """The id behind a token, or None when it is not one."""
    if len(token) != 13:
        return None
    value = 0
    for sign in token.lower():
        place = _ALPHABET.find(sign)
        if place < 0:
            return None
        value = value << 5 | place
    return value if value < 1 << 63 else None
