"""Names in headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import BadRequest
from pointsman.server.names import from_header


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=50))
def test_a_name_in_a_header_is_the_name_that_was_sent(name: str) -> None:
    assert from_header(name.encode().decode("latin-1"), field="unit") == name


def test_no_header_is_no_name_and_other_bytes_are_refused() -> None:
    assert from_header(None, field="unit") is None
    with pytest.raises(BadRequest, match="Send it in UTF-8"):
        from_header("\xff", field="unit")
