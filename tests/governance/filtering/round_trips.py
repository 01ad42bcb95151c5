"""
Round trips: a text with values in it is filtered, a model repeats it in some protocol, in pieces and with its pseudonyms bent, and it must come back as it was.

A trip is drawn from a seed, so that one that fails can be walked again. Used by the tests (some thousands) and by the benchmark (a million).
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from pointsman.core.place import Dialect
from pointsman.core.reply import Closed, Event, Finish, Finished, Started, TextDelta, ThinkingDelta, ToolDelta, ToolStarted
from pointsman.core.verdict import Duty, Obligation
from pointsman.governance.filtering.event_stream import EventStream
from pointsman.governance.filtering.filter import Filtered, filtered
from pointsman.governance.filtering.matching import Matcher
from pointsman.governance.filtering.native_stream import native_stream
from pointsman.governance.filtering.pseudonyms import Namer
from pointsman.governance.filtering.restore import Restorer
from pointsman.governance.filtering.tree import spots
from pointsman.governance.finding import Finding, Path

KEY: Final = b"a key of some tenant, for tests"
PSEUDONYMISE: Final = frozenset({Duty("personal", Obligation.PSEUDONYMISE)})
VALUES: Final = (
    ("person", "Ann Smith"),
    ("person", 'Zoë O"Hara'),
    ("person", "李明"),
    ("email", "ann@example.org"),
    ("email", "ANN@Example.org"),
    ("phone", "+49 30 901820"),
    ("address", "12 High St,\n\tYork\\UK"),
    ("address", "\u202eRue d'Arc \U0001f3e0 7"),
    ("secret:token", 'p"w\\d\u2028\x01{}'),
    ("card", "4111 1111 1111 1111"),
    ("ip", "192.0.2.77"),
    ("url", "https://example.org/?a=%5F&b=\\u0041"),
)
FILLERS: Final = (
    *(
        " ",
        ", ",
        "\n",
        ".",
        "x",
        "é",
        "\U0001f600",
        "\\",
        '"',
        "{",
        "/",
        "%5F",
        "&#95;",
        "-",
        "_",
        "**",
        "`",
        "7",
        "K2",
        "e",
        "P",
        "PER",
        "person ",
        "Email",
        "EMAIL_",
    ),
    *("EMAIL_7K2QX9AB", "PERSON 2ABCDEFG", "ADDRESS_2", "\\u0045MAIL", "the quick brown fox. ", "http://a/"),
)


class Trip(NamedTuple):
    """What came back, what was sent, and how it went: pieces, characters held back after each, pseudonyms that the model had bent."""

    surface: str
    came: Any
    sent: Any
    pieces: int = 0
    held: int = 0
    bent: int = 0


def a_text(random: Random, namer: Namer) -> tuple[str, list[Finding]]:
    """Return a text with values in it and what a detector finds there. It may hold true pseudonyms of its own call, which nobody can know."""
    text = ""
    found: list[Finding] = []
    for _ in range(random.randint(1, 7)):
        draw = random.random()
        if draw < 0.4:
            kind, value = random.choice(VALUES)
            found.append(Finding(start=len(text), end=len(text) + len(value), kind=kind, data_class="personal", detector="told"))
            text += value
        elif draw < 0.5:
            name = namer.name(*random.choice(VALUES))
            text += name[: random.randint(1, len(name))]
        else:
            text += random.choice(FILLERS)
    return text, found


def filter_texts(told: list[tuple[str, list[Finding]]], *, scope: str) -> Filtered:
    """Return a call of these texts, filtered."""
    wire = {"model": "support", "messages": [{"role": "user", "content": text} for text, _ in told]}
    by_path: dict[Path, list[Finding]] = {("messages", position, "content"): found for position, (_, found) in enumerate(told)}
    found = [(spot, by_path.get(spot.path, ())) for spot in spots(wire)]
    return filtered(wire, found, duties=PSEUDONYMISE, names=Namer(KEY, scope=scope))


def bend(random: Random, text: str, matcher: Matcher) -> str:
    """Return a text as a model repeats it: some pseudonyms in another case, or with another joint."""
    told, at = "", 0
    for match in matcher.find(text):
        name = text[match.start : match.end]
        told += text[at : match.start]
        bent = random.choice([name.lower(), name.title(), *(name.replace("_", joint) for joint in ("\\_", " ", "%5F"))])
        # Only where nothing around it makes another pseudonym of it.
        told += bent if random.random() < 0.2 and matcher.restored(f"|{bent}|") == f"|{match.original}|" else name
        at = match.end
    told += text[at:]
    return told if matcher.restored(told) == matcher.restored(text) else text


def cut(random: Random, text: str) -> list[str]:
    """Return a text in pieces of random sizes: often a word or two, sometimes single characters."""
    pieces: list[str] = []
    at = 0
    most = random.choice([1, 8, 8, *[24] * 7])
    while at < len(text):
        size = random.randint(1, most)
        pieces.append(text[at : at + size])
        at += size
    return pieces


def as_json(random: Random, text: str) -> str:
    """Return the JSON text of `{"to": text}`, with more or fewer escapes."""
    style = random.randrange(3)
    if style < 2:
        return json.dumps({"to": text}, ensure_ascii=style == 0)
    # UTF-16, as JSON escapes what is beyond the first plane.
    units = text.encode("utf-16-be")
    escaped = "".join(
        f"\\u{units[at] << 8 | units[at + 1]:04x}"
        if random.random() < 0.7 or units[at] or units[at + 1] in b'"\\' or units[at + 1] < 32
        else chr(units[at + 1])
        for at in range(0, len(units), 2)
    )
    return f'{{"to": "{escaped}"}}'


# ── the ways an answer comes ────────────────────────────────────────────────────────────────────────────────────────


def in_text(random: Random, texts: list[str], restorer: Restorer) -> Trip:
    """One channel of words."""
    channel = restorer.channel()
    came, held, pieces = "", 0, cut(random, texts[0])
    for piece in pieces:
        came += channel.feed(piece)
        held += len(channel.held)
    return Trip("text", [came + channel.end()], texts[:1], len(pieces), held)


def in_json(random: Random, texts: list[str], restorer: Restorer) -> Trip:
    """One channel of JSON text."""
    channel = restorer.channel(is_json=True)
    pieces = cut(random, as_json(random, texts[0]))
    came = "".join([channel.feed(piece) for piece in pieces]) + channel.end()
    return Trip("json", [json.loads(came)["to"]], texts[:1], len(pieces))


def turns(random: Random, *queues: list[Any]) -> Iterator[tuple[int, Any]]:
    """Yield what stands in several queues, in turns, with the number of its queue."""
    left = [(number, list(queue)) for number, queue in enumerate(queues)]
    while left := [(number, queue) for number, queue in left if queue]:
        number, queue = random.choice(left)
        yield number, queue.pop(0)


def in_events(random: Random, texts: list[str], restorer: Restorer) -> Trip:
    """Events of our own: reasoning, words, then two tools in turns."""
    thought, words, *tools = texts
    events: list[Event] = [Started("r", "m")]
    events += [ThinkingDelta(piece) for piece in cut(random, thought)] + [TextDelta(piece) for piece in cut(random, words)]
    events += [ToolStarted(slot, f"t{slot}", "send") for slot in range(len(tools))]
    events += [ToolDelta(slot, piece) for slot, piece in turns(random, *(cut(random, as_json(random, tool)) for tool in tools))]
    events += [Finished(Finish.DONE), Closed()]
    came: dict[Any, str] = defaultdict(str)
    stream = EventStream(restorer)
    for event in (told for given in events for told in stream.feed([given])):
        match event:
            case ThinkingDelta(text) | TextDelta(text):
                came[type(event)] += text
            case ToolDelta(slot, arguments):
                came[slot] += arguments
            case _:
                pass
    return Trip("events", [came[ThinkingDelta], came[TextDelta], *(json.loads(came[slot])["to"] for slot in range(len(tools)))], texts, len(events))


def data_of(raw: bytes) -> list[Any]:
    """Return what the events of a stream hold."""
    return [msgspec.json.decode(block.split(b"data: ", 1)[1]) for block in raw.split(b"\n\n") if b"data: " in block and b"[DONE]" not in block]


def in_openai(random: Random, texts: list[str], restorer: Restorer) -> Trip:
    """Chat completion chunks of two choices in turns; each thinks, speaks or calls a tool."""
    fields: list[Callable[[str], dict[str, Any]]] = [
        lambda piece: {"content": piece},
        lambda piece: {"reasoning_content": piece},
        lambda piece: {"refusal": piece},
        lambda piece: {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]},
    ]
    chosen = [random.choice(fields) for _ in texts]
    queues = [cut(random, as_json(random, text) if field is fields[3] else text) for text, field in zip(texts, chosen, strict=True)]
    ways = [[chosen[number](piece) for piece in queue] for number, queue in enumerate(queues)]
    chunks = [{"id": "c", "choices": [{"index": number, "delta": delta, "finish_reason": None}]} for number, delta in turns(random, *ways)]
    chunks += [{"id": "c", "choices": [{"index": number, "delta": {}, "finish_reason": "stop"}]} for number in range(len(texts))]
    stream = native_stream(Dialect.OPENAI_CHAT, restorer)
    raw = b"".join([stream.feed(b"data: " + json.dumps(chunk, ensure_ascii=random.random() < 0.5).encode() + b"\n\n") for chunk in chunks])
    came: dict[int, str] = defaultdict(str)
    for chunk in data_of(raw + stream.feed(b"data: [DONE]\n\n")):
        for choice in chunk["choices"]:
            for name, value in choice["delta"].items():
                came[choice["index"]] += value[0]["function"]["arguments"] if name == "tool_calls" else value
    whole = [json.loads(came[number])["to"] if field is fields[3] else came[number] for number, field in enumerate(chosen)]
    return Trip("openai", whole, texts, len(chunks))


def in_anthropic(random: Random, texts: list[str], restorer: Restorer) -> Trip:
    """Blocks of a message, one after another: thoughts, words, arguments of a tool."""
    kinds = [random.choice([("text_delta", "text"), ("thinking_delta", "thinking"), ("input_json_delta", "partial_json")]) for _ in texts]
    events: list[dict[str, Any]] = []
    for index, (text, (kind, name)) in enumerate(zip(texts, kinds, strict=True)):
        pieces = cut(random, as_json(random, text) if name == "partial_json" else text)
        events += [{"type": "content_block_delta", "index": index, "delta": {"type": kind, name: piece}} for piece in pieces]
        events.append({"type": "content_block_stop", "index": index})
    stream = native_stream(Dialect.ANTHROPIC_MESSAGES, restorer)
    raw = b"".join([stream.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()) for event in events])
    came: dict[int, str] = defaultdict(str)
    is_over: set[int] = set()
    for event in data_of(raw):
        if event["type"] == "content_block_stop":
            is_over.add(event["index"])
        elif event["index"] not in is_over:
            came[event["index"]] += event["delta"][kinds[event["index"]][1]]
    whole = [json.loads(came[index])["to"] if name == "partial_json" else came[index] for index, (_, name) in enumerate(kinds)]
    return Trip("anthropic", whole, texts, len(events))


_SURFACES: Final = (in_text, in_text, in_json, in_events, in_openai, in_anthropic)


def round_trip(seed: int) -> Trip:
    """Walk one trip."""
    random = Random(seed)
    scope = f"scope {seed}"
    oracle = Namer(KEY, scope=scope)
    surface = random.choice(_SURFACES)
    told = [a_text(random, oracle) for _ in range(1 if surface in {in_text, in_json} else random.randint(2, 3))]
    done = filter_texts(told, scope=scope)
    messages: Any = done.wire["messages"]
    masked = [message["content"] for message in messages]
    restorer = done.restorer or Restorer({})
    matcher = Matcher(restorer.originals)
    trip = surface(random, [bend(random, text, matcher) for text in masked], restorer)
    return trip._replace(sent=[text for text, _ in told[: len(trip.sent)]], bent=restorer.mended)
