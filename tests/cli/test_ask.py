"""
`pointsman ask`: questions to a real gateway over a small vendor, and what goes wrong on the way.
"""

import io
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.cli.conftest import Run
from tests.cli.running import Gateway, VendorServer, finish, free_ports, start


def test_the_answer_goes_to_standard_output_and_what_is_known_about_it_to_standard_error(run: Run, gateway: Gateway) -> None:
    done = run("ask", "Where is my parcel?", "--capability", "support", "--url", gateway.url)

    assert done.code == 0
    assert done.out == "You [31msaid: Where is my parcel?\n"
    # 10 tokens in at $100, 5 out at $200 per million
    assert re.search(r"^small \(cloud\) · first_choice · \$0\.002 · 10 \+ 5 tokens · \d+ ms \(first word after \d+ ms\)$", done.err, re.MULTILINE)


def test_a_whole_answer_has_its_cost_too(run: Run, gateway: Gateway) -> None:
    done = run("ask", "Hello", "--capability", "support", "--url", gateway.url, "--no-stream")

    assert done.out == "You said: Hello\n"
    assert "· $0.002 · 10 + 5 tokens ·" in done.err
    assert "first word" not in done.err


def test_what_a_terminal_would_obey_is_taken_out(run: Run, gateway: Gateway) -> None:
    """The vendor writes an escape sequence; a terminal must show it, not follow it."""
    assert "\x1b" not in run("ask", "Hello\x07 there", "--capability", "support", "--url", gateway.url).out


def test_the_reason_of_a_fallback_is_told(run: Run, gateway: Gateway) -> None:
    done = run("ask", "Hello", "--capability", "second", "--url", gateway.url)

    assert "small (cloud) · next_after:acme/broken ·" in done.err


def test_an_answer_without_a_price_says_so(run: Run, gateway: Gateway, vendor: VendorServer) -> None:
    vendor.released.set()

    assert "· cost unknown ·" in run("ask", "Hello", "--capability", "stuck", "--url", gateway.url).err


def test_an_answer_that_hit_its_limit_is_marked(run: Run, gateway: Gateway) -> None:
    assert "cut off by its token limit" in run("ask", "Hello", "--capability", "support", "--url", gateway.url, "--max-tokens", "5").err


def test_as_json_the_answer_comes_with_everything_known_about_it(run: Run, gateway: Gateway) -> None:
    told = run("ask", "Hello", "--capability", "support", "--url", gateway.url, "--json", "--unit", "ticket-1").json

    assert told["text"] == "You said: Hello"
    assert (told["target"], told["place"], told["reason"]) == ("small", "cloud", "first_choice")
    assert (told["cost_nano_usd"], told["tokens_in"], told["tokens_out"]) == (2_000_000, 10, 5)
    assert told["snapshot"] == gateway.ready["snapshot"]
    assert told["latency_ms"] > 0


def test_the_question_may_come_through_a_pipe(run: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Où?\n".encode())))

    assert run("ask", "-", "--capability", "support", "--url", gateway.url, "--no-stream").out == "You said: Où?\n\n"


@pytest.mark.parametrize("question", ["", "  "])
def test_an_empty_question_is_not_sent(run: Run, question: str) -> None:
    assert run("ask", question, "--capability", "support").code == 1


def test_the_declared_class_of_the_data_goes_with_the_question(run: Run, gateway: Gateway) -> None:
    refused = run("ask", "Hello", "--capability", "support", "--url", gateway.url, "--data-class", "restricted")
    taken = run("ask", "Hello", "--capability", "own", "--url", gateway.url, "--data-class", "restricted")

    assert refused.code == 4
    assert "`restricted` data" in refused.err
    assert "local (private)" in taken.err


def test_a_refusal_is_the_gateways_own_message_and_exit_code_4(run: Run, gateway: Gateway) -> None:
    done = run("ask", "Hello", "--capability", "nothing", "--url", gateway.url)

    assert done.code == 4
    assert done.err == "There is no capability `nothing` for this key. `GET /v1/models` lists those you may use.\n"


def test_a_failure_is_the_gateways_own_message_and_exit_code_3(run: Run, gateway: Gateway) -> None:
    done = run("ask", "Hello", "--capability", "down", "--url", gateway.url)

    assert done.code == 3
    assert done.err.startswith("Every target of `down` failed: ")


def test_a_stream_that_breaks_shows_what_came_and_then_the_error_on_a_line_of_its_own(run: Run, gateway: Gateway) -> None:
    done = run("ask", "Hello", "--capability", "cut", "--url", gateway.url)

    assert done.code == 3
    assert done.out.endswith("said: Hello\n")
    assert done.err.startswith("`acme/cut` failed (cut): ")


def test_a_gateway_that_does_not_run_gets_a_sentence_with_the_remedy(run: Run) -> None:
    done = run("ask", "Hello", "--capability", "support", "--url", f"http://127.0.0.1:{free_ports(1)[0]}")

    assert done.code == 3
    assert "Connection refused" in done.err
    assert "`pointsman up`" in done.err


@pytest.mark.parametrize("url", ["127.0.0.1:8800", "ftp://x", "http://", "http://x:port", "http://x:99999"])
def test_an_address_that_is_none_is_told(run: Run, url: str) -> None:
    assert run("ask", "Hello", "--capability", "support", "--url", url).code == 1


def test_a_key_that_no_header_can_carry_is_told_without_showing_it(run: Run) -> None:
    done = run("ask", "Hello", "--capability", "support", "--key", "pm_geheim\nx: y")

    assert done.code == 1
    assert "geheim" not in done.err


def test_ctrl_c_leaves_cleanly(gateway: Gateway, vendor: VendorServer) -> None:
    vendor.released.clear()
    process = start("ask", "Hello", "--capability", "stuck", "--url", gateway.url, folder=gateway.folder)
    assert process.stdout is not None
    assert process.stdout.read(3) == "You"

    process.send_signal(signal.SIGINT)
    done = finish(process)

    vendor.released.set()
    assert done.code == 130
    assert "Traceback" not in done.err


# ── servers that are no gateway, or a sick one ──────────────────────────────────────────────────────────────────────

GOOD_HEAD = b"HTTP/1.1 200 OK\r\nx-pointsman-target: t\r\n"


@contextmanager
def answering(answer: bytes, *, holds: bool = False) -> Iterator[str]:
    """Serve one fixed answer, then close the connection or hold it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def serve() -> None:
            accepted, _ = listening.accept()
            with accepted:
                while b"}" not in accepted.recv(65536):
                    continue
                accepted.sendall(answer)
                if holds:
                    done.wait(50)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


@pytest.fixture
def told(run: Run) -> Callable[..., tuple[int, str, str]]:
    """Ask a server with a fixed answer."""

    def told(answer: bytes, *words: str, holds: bool = False) -> tuple[int, str, str]:
        with answering(answer, holds=holds) as url:
            done = run("ask", "Hello", "--capability", "support", "--url", url, *words)
        return done.code, done.out, done.err

    return told


Told = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
        b'HTTP/1.1 500 Oops\r\ncontent-length: 12\r\n\r\n{"error": 1}',
    ],
)
def test_a_server_that_is_no_gateway_is_told_apart(told: Told, answer: bytes) -> None:
    code, out, err = told(answer)

    assert (code, out) == (3, "")
    assert "no Pointsman gateway" in err


@pytest.mark.parametrize(
    "rest",
    [
        b"transfer-encoding: chunked\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"transfer-encoding: chunked\r\n\r\n7fffffff\r\n",
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 0\r\n\r\n",
        b"content-length: 9\r\n\r\ndata: {\n\n",
    ],
)
def test_a_stream_that_does_not_come_to_its_end_is_a_failure(told: Told, rest: bytes) -> None:
    code, _, err = told(GOOD_HEAD + rest)

    assert code == 3
    assert "Ask again" in err


def test_a_stream_behind_a_proxy_that_takes_chunks_apart_is_read_all_the_same(told: Told) -> None:
    body = b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: {"choices": [{"delta": {"refusal": "No."}}]}\n\ndata: [DONE]\n\n'

    code, out, err = told(GOOD_HEAD + b"connection: close\r\n\r\n" + body)

    assert (code, out) == (0, "HiNo.\n")
    assert "cost unknown" in err


def test_a_target_whose_name_no_header_can_carry_is_shown_as_it_is_written(told: Told) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-pointsman-target: lab/%E6%A8%A1\r\nx-pointsman-reason: next_after:lab/%C3%A9\r\n"

    _, _, err = told(head + b"connection: close\r\n\r\ndata: [DONE]\n\n")

    assert "lab/模 ()" in err
    assert "next_after:lab/é" in err


def test_an_answer_without_a_word_is_still_an_answer(told: Told) -> None:
    body = b"data: [DONE]\n\n"

    code, out, err = told(GOOD_HEAD + b"content-length: %d\r\n\r\n%b" % (len(body), body))

    assert (code, out) == (0, "")
    assert "first word" not in err


def test_an_answer_that_is_no_http_is_a_broken_connection(told: Told) -> None:
    code, _, err = told(b"SSH-2.0-OpenSSH_9.6\r\n")

    assert code == 3
    assert "broke" in err


def test_a_silent_gateway_is_given_up_after_the_time_out(told: Told) -> None:
    code, _, err = told(b"", "--timeout", "0.02", holds=True)

    assert code == 3
    assert "--timeout" in err


def test_a_missing_key_is_told_with_where_it_is_taken_from(told: Told) -> None:
    body = b'{"error": {"message": "No key came with this request."}}'

    code, _, err = told(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    assert code == 4
    assert err.startswith("No key came with this request. ")
    assert "POINTSMAN_KEY" in err
