"""TLS to vendors, with an authority of our own."""

import pytest
from tests.transport.certificates import Files, certificate
from tests.transport.vendor import ASK, ASK_STREAM, QUICK, Talk, Vendor, answer, chunk, run, says, stream_head

from pointsman.core.errors import Unusable
from pointsman.core.failure import FailureKind
from pointsman.transport.connection import AnswerBroken


def _tls_failure(files: Files, ca_file: str | None) -> AnswerBroken:
    async def main() -> AnswerBroken:
        async with Vendor(says(answer()), tls=files.server()) as vendor:
            with pytest.raises(AnswerBroken) as broken:
                await vendor.pool(ca_file=ca_file).fetch(ASK, QUICK)
            assert not vendor.requests
            return broken.value

    return run(main())


def test_a_vendor_with_a_certificate_of_the_named_authority_is_spoken_to() -> None:
    async def main() -> None:
        files = certificate()
        async with Vendor(says(answer(b"1"), answer(b"2"), stream_head() + chunk(b"data: x\n\n") + b"0\r\n\r\n"), tls=files.server()) as vendor:
            pool = vendor.pool(ca_file=str(files.ca))
            assert [(await pool.fetch(ASK, QUICK)).body for _ in range(2)] == [b"1", b"2"]
            stream = await pool.open(ASK_STREAM, QUICK)
            assert await stream.read() == b"data: x\n\n"
            assert await stream.read() is None
            assert vendor.connections == 1
            pool.close()

    run(main())


@pytest.mark.parametrize(
    ("name", "expired", "trusts", "told"),
    [
        ("127.0.0.2", False, True, "mismatch"),
        ("127.0.0.1", True, True, "expired"),
        ("127.0.0.1", False, False, "local issuer"),
    ],
)
def test_a_certificate_that_proves_nothing_ends_the_call_before_anything_is_sent(name: str, expired: bool, trusts: bool, told: str) -> None:
    files = certificate(name=name, expired=expired)
    broken = _tls_failure(files, str(files.ca) if trusts else None)
    assert broken.failure.kind is FailureKind.TLS
    assert told in str(broken)


def test_a_vendor_that_speaks_no_tls_is_a_failure_and_is_told_nothing() -> None:
    async def main() -> None:
        async def plain(talk: Talk) -> None:
            talk.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await talk.gone()

        async with Vendor(plain) as vendor:
            with pytest.raises(AnswerBroken) as broken:
                await vendor.pool(url=vendor.url.replace("http:", "https:")).fetch(ASK, QUICK)
            assert broken.value.failure.kind is FailureKind.TLS
            assert not vendor.requests

    run(main())


def test_a_file_that_is_no_authority_is_told_at_once() -> None:
    files = certificate()
    with pytest.raises(Unusable, match="holds no certificate"):
        Vendor(says()).pool(url="https://127.0.0.1:1/v1", ca_file=str(files.key))
