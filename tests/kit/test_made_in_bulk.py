"""What is made by the million is the same as what is made one by one."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from ringdove.kit.buckets import BUCKETS, Ids, bucket_of_id
from ringdove.kit.crypto import Hasher, sign_hex


@given(key=st.binary(min_size=1, max_size=100), store_id=st.integers(1, 9), text=st.text())
def test_a_hasher_says_what_sign_hex_says(key: bytes, store_id: int, text: str) -> None:
    """P12. The list of refusals is found by hashes that were made either way."""
    body = f"{store_id}/{text}".encode("utf-8", "replace")
    assert Hasher(key).sign_hex(body) == sign_hex(key, body)


def test_lent_ids_are_nobody_elses_and_cross_a_pipe() -> None:
    """P5. Ids that a reader makes are in order, apart from the lender's, and carry their bucket."""
    ids = Ids(3)
    before = ids.make(BUCKETS[0])
    lent = ids.lend(2_000)
    small = pickle.dumps(lent)
    lent = pickle.loads(small)
    made = [lent.make(BUCKETS[n % 128]) for n in range(2_000)]
    after = ids.make(BUCKETS[0])
    assert before < made[0] and made == sorted(set(made)) and made[-1] < after
    assert [bucket_of_id(one) for one in made] == [BUCKETS[n % 128] for n in range(2_000)]
    assert lent.left == 0 and len(small) < 1_000
