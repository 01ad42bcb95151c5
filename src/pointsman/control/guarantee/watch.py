"""
Watching a promise: what came of the traffic since its certificate was made, read from the ledger in the order it came.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from pointsman.decision.guarantee.certificate import Standing, preferred
from pointsman.decision.guarantee.drift import saw_call, saw_pair
from pointsman.decision.guarantee.sequence import Pair
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database
from pointsman.storage.weighed import weighed_of

MOST: Final = 50_000
_PAGE: Final = 2_000


def watched(db: Database, standing: Standing, *, pairs: Sequence[Pair] = (), until_ms: int, most: int = MOST) -> Standing:
    """
    Return the standing after the calls until a time, at most so many, and after `pairs`, which are later than what it saw.

    Raises what the database says.
    """
    certificate, drift = standing.certificate, standing.drift
    after_id = drift.last_call or first_id(certificate.made_ms)
    asked = {"capability": certificate.capability, "last_id": first_id(until_ms), "most": _PAGE}
    for _ in range(-(-most // _PAGE)):
        rows = db.rows(query("guarantee/calls"), {**asked, "after_id": after_id})
        for row in rows:
            after_id = row["call_id"]
            ahead = _ahead(row["weighed"], certificate.incumbent)
            name = preferred(certificate.targets, ahead, lean=certificate.lean)
            # Where a target was missing, for its vendor was down, another rule chose than the one that the pairs tell of: their ranks say nothing of it.
            if name is not None and ahead.keys() >= set(certificate.targets):
                drift = saw_call(drift, certificate, advantage=ahead[name], chance=_chance(after_id), now_ms=row["started_ms"])
        if len(rows) < _PAGE:
            break
    seen_ms = drift.last_pair_ms or certificate.made_ms
    for pair in pairs:
        if pair.at_ms > seen_ms:
            drift = saw_pair(drift, certificate, pair=pair, now_ms=pair.at_ms)
    return msgspec.structs.replace(standing, drift=msgspec.structs.replace(drift, last_call=after_id))


def _ahead(weighed: str, incumbent: str) -> Mapping[str, float]:
    found = weighed_of(weighed)
    there = next((one.quality for one in found if one.target == incumbent), None)
    return {} if there is None else {one.target: one.quality - there for one in found if one.target != incumbent}


def _chance(call_id: str) -> float:
    """Return a number in 0..1 that has to do with nothing else, and is the same whenever the ledger is read again."""
    return int.from_bytes(blake2b(call_id.encode(), digest_size=6, person=b"drift").digest(), "big") / 2**48
