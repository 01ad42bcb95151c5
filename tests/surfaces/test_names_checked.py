"""Names that callers give to things."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import CALL_ID

from pointsman.core.errors import BadRequest
from pointsman.surfaces.names import checked
from pointsman.surfaces.registry import BY_PATH


@given(st.text(max_size=300))
def test_a_name_is_kept_as_it_is_or_refused(text: str) -> None:
    try:
        assert checked(text, field="unit") == text
    except BadRequest:
        assert not text.strip() or len(text) > 200 or not text.isprintable()


@pytest.mark.parametrize(("path", "field", "more"), [("/v1/chat/completions", "user", "user"), ("/v1/messages", "metadata.user_id", "metadata")])
def test_whom_a_body_acts_for_fits_every_record(path: str, field: str, more: str) -> None:
    def body(user: str | None) -> bytes:
        told = user if more == "user" else {"user_id": user}
        return msgspec.json.encode({"model": "support", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}], more: told})

    assert BY_PATH[path].decode(body("ann"), CALL_ID).user == "ann"
    for absent in ("", None):
        assert BY_PATH[path].decode(body(absent), CALL_ID).user is None
    for odd in ("a" * 201, "a\nb", " "):
        with pytest.raises(BadRequest) as refused:
            BY_PATH[path].decode(body(odd), CALL_ID)
        assert refused.value.field == field
