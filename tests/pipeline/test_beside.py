"""
What others are asked beside an answer.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from pointsman.assess.examined import NOTHING
from pointsman.pipeline.beside import hear


def test_nobody_is_asked_beside_an_answer_where_the_owners_order_counts() -> None:
    by_order = cast("Any", SimpleNamespace(capability=SimpleNamespace(routing=None)))
    assert asyncio.run(hear(by_order, cast("Any", None), reply=cast("Any", None))) is NOTHING
