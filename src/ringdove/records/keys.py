"""Keys of this installation that are made once and never changed, sealed.

What was hashed with one must be found again for ever: a refusal that survives erasure, an offer
given once to a number. Losing the secrets key loses them as it loses the gateways' passwords.
"""

import secrets

from ringdove.kit.crypto import Sealer
from ringdove.kit.db import Tx

HASH_KEY = "hash"
KEY_BYTES = 32

FIND = "SELECT sealed FROM installation_key WHERE name = %(name)s"
MAKE = """
INSERT INTO installation_key (name, sealed) VALUES (%(name)s, %(sealed)s)
ON CONFLICT (name) DO NOTHING
"""


async def hash_key(tx: Tx, sealer: Sealer) -> bytes:
    """The key of keyed hashes; made at the first start. Raises kit.crypto.SealBroken."""
    given = {"name": HASH_KEY}
    row = await (await tx.execute(FIND, given)).fetchone()
    if row is None:
        fresh = sealer.seal(secrets.token_hex(KEY_BYTES))
        await tx.execute(MAKE, given | {"sealed": fresh})
        row = await (await tx.execute(FIND, given)).fetchone()
    assert row is not None
    return bytes.fromhex(sealer.open(row["sealed"]))
