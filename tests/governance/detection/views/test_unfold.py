"""
All forms of a text.
"""

import base64
import gzip
import random
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.governance.detection.disguises import DISGUISES, MORE
from tests.values import Time

from pointsman.governance.detection.views.budget import Budget, SpentError
from pointsman.governance.detection.views.unfold import DEPTH, views
from pointsman.governance.detection.views.view import View

SECRET = "joe.doe7@example.com"


def forms(text: str, *, characters: int = 10**6) -> list[View]:
    return [view for view in views(text, Budget(characters=characters)) if view is not None]


def texts(text: str) -> list[str]:
    return [view.text for view in forms(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Write a Python function that adds two numbers.",
        "",
        "Was kostet ein Käsebrötchen für 3 €?",
        "Сколько стоит билет в Москву? Не знаю.",  # noqa: RUF001 - meant
        "请描述一个包含格调的房间设计。",
        "Thanks 👍🏽❤️ see you 👨‍👩‍👧",
        "هل يمكنك مساعدتي؟",
        "for item in values:\n    print(f'{item!r}', end='')\n",
        "He said: “it’s 50 % off – really?”",  # noqa: RUF001 - meant
        "one or two of the three",
        "I am at home. Look at this dot.",
    ],
)
def test_a_text_without_disguise_has_no_other_form(text: str) -> None:
    assert texts(text) == [text]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("ＤＥ８９", "DE89"),  # noqa: RUF001 - meant
        ("𝟒𝟏𝟏 𝒂𝒃", "411 ab"),  # noqa: RUF001 - meant
        ("٤١١", "411"),
        ("①⑫❸", "1123"),
        ("4\u200b1\u00ad1\u20601", "4111"),
        ("G\u0412 \u0412\u0415\u041c4", "GB BEM4"),
        ("1️⃣2️⃣", "12"),
        ("&#52;&#x31;&period;&commat;", "41.@"),
        ("&amp;#52;", "4"),
        ("%34%31 %C3%A9 %E9", "41 é é"),
        (r"\u0034\x31\u{31}\U00000031\061", "41111"),
        (r"\ud835\udfd2", "\U0001d7d2"),
        (r"\\u0034", "4"),
        ("U+0034 U+0031", "41"),
        ("=34=31=31", "411"),
        ("34 31 31 31 31 31 31 31 31", "411111111"),
        ("52 49 49 49 49 49 49 49 49", "411111111"),
        (r"\34 \31 \31 \31 \31 \31 ", "411111"),
        ("0x343131313131313131", "411111111"),
        ("MTIzNDU2Nzg5MDEyMzQ1Ng", "1234567890123456"),
    ],
)
def test_a_form_is_read_as_what_it_says(text: str, form: str) -> None:
    assert any(form in one for one in texts(text)[1:])


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("4 1 1 1 1 1 1 1 1", "411111111"),
        ("to a 4 1 1 1 1 1 1 1 now", "41111111"),
        ("4-1-1-1-1-1-1-1", "41111111"),
        ("j | o | e | @ | x | . | d | e", "joe@x.de"),
        ("four one  one, one", "4111"),
        ("double four triple one", "44111"),
        ("vier eins f\u00fcnf null", "4150"),
        ("one two three dash four five", "123-45"),
        ("G B eight two W E S T one two", "GB82WEST12"),
        ("joe (at) example {dot} com", "joe@example.com"),
        ("joe dot doe at example dot com", "joe.doe@example.com"),
        ("joe@example dot com", "joe@example.com"),
        ("4111\u00a01111\u202f11", "4111111111"),
        ("4111\n1111\n1111", "411111111111"),
        ("4111_1111_1111", "411111111111"),
        ("['4', '1', '1', '1', '1', '1', '1', '1'] now", "41111111"),
        ("<b>4</b><i>1</i>1", "411"),
        ("fouroneone", "411"),
        ("four-one-one---two-two", "411-22"),
        ("G, B, eight, two, W, E, one, two", "GB82WE12"),
        ("joe.\ndoe@\nexam\nple.\ncom", "joe.doe@example.com"),
        ("ssn 1234\n5678\n9", "123456789"),
    ],
)
def test_what_is_pulled_apart_is_drawn_together(text: str, form: str) -> None:
    assert any(form in view.text for view in forms(text)[1:] if view.squeezed)


def test_a_long_number_and_a_mail_address_are_read_from_the_end_too() -> None:
    assert any("4321 4321" in one for one in texts("1234 1234 1234 1234"))
    assert any("joe@example.com" in one for one in texts("moc.elpmaxe@eoj"))


def test_what_is_decoded_is_decoded_again_but_not_for_ever() -> None:
    form = SECRET
    for depth in range(1, DEPTH + 2):
        form = base64.b64encode(form.encode()).decode()
        assert any(SECRET in one for one in texts(form)) == (depth <= DEPTH)


def test_base64_over_many_lines_and_inside_a_path_is_decoded() -> None:
    lines = base64.encodebytes((SECRET * 9).encode()).decode()
    assert any(SECRET * 9 in one for one in texts(f"attached:\n{lines}\nBest"))
    assert any(SECRET in one for one in texts(f"/files/{base64.b64encode(SECRET.encode()).decode()}/x"))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_was_compressed_is_read(pack) -> None:
    assert any(SECRET in one for one in texts(base64.b64encode(pack(SECRET.encode())).decode()))


def test_what_only_begins_like_compressed_bytes_is_left_alone() -> None:
    text = base64.b64encode(b"\x1f\x8b" + bytes(range(30))).decode()
    assert texts(text) == [text]


def test_bytes_that_are_no_text_are_left_alone() -> None:
    chance = random.Random(1)
    for _ in range(50):
        data = chance.randbytes(40)
        for text in (data.hex(), base64.b64encode(data).decode()):
            assert not any(view.depth and not view.squeezed for view in forms(text))


def test_text_behind_a_picture_is_read() -> None:
    hidden = "".join(chr(0xE0100 + ord(letter) - 16) for letter in SECRET)
    assert any(SECRET in one for one in texts(f"nice 😀{hidden} day"))
    assert any("hi" in one for one in texts("x\ufe06\ufe08\ufe06\ufe09" + "".join(chr(0xE0100 + ord(letter) - 16) for letter in "hi")))


def test_a_text_that_unfolds_without_end_is_told() -> None:
    bomb = base64.b64encode(gzip.compress(b"A" * 5_000_000)).decode()
    with pytest.raises(SpentError):
        texts(bomb)
    with pytest.raises(SpentError):
        forms("ＤＥ８９" * 100, characters=100)  # noqa: RUF001 - meant


def test_a_text_that_takes_too_long_is_told() -> None:
    clock = Time()
    budget = Budget(characters=10**6, clock=clock.clock.monotonic_s, time_s=1.0)
    forms_of = views("%41" * 3000, budget)
    next(forms_of)
    clock.advance(2.0)
    with pytest.raises(SpentError):
        list(forms_of)


def test_time_of_others_is_not_counted() -> None:
    clock = Time()
    budget = Budget(characters=10, clock=clock.clock.monotonic_s, time_s=1.0)
    clock.advance(0.6)
    budget.pause()
    clock.advance(100.0)
    budget.resume()
    assert not budget.is_late
    clock.advance(0.6)
    assert budget.is_late
    free = Budget(characters=10)
    free.pause()
    free.resume()
    assert not free.is_late


def test_others_have_their_turn_while_a_long_text_is_unfolded() -> None:
    assert sum(view is None for view in views("%41" * 20_000, Budget(characters=10**7))) > 20


PARTS = st.sampled_from(
    [
        "4111",
        "\u200b",
        "\U000e0041",
        "&#52;",
        "%34",
        "\\u0034",
        "=34",
        " ",
        "\n",
        "_",
        "-",
        "@",
        ".",
        "joe",
        "[at]",
        " dot ",
        "one ",
        "two ",
        "В",  # noqa: RUF001 - meant
        "é",
        "１",  # noqa: RUF001 - meant
        "️",
        "0x34, ",
        base64.b64encode(b"hello 4111").decode(),
        "H4sI",
        "eJw",
        "�",
        "\\ud835\\udfd2",
        "DE89",
        '"',
        "&amp;",
        "double ",
        "00110100 ",
        "a b c d e f g h ",
    ]
)


@given(st.lists(st.one_of(PARTS, st.text(max_size=5)), max_size=25).map("".join))
@settings(max_examples=60)
def test_every_part_of_every_form_of_any_text_leads_back_into_it(text: str) -> None:
    for view in forms(text):
        for start in range(0, len(view.text), 7):
            begin, end = view.origin(start, min(len(view.text), start + 5))
            assert 0 <= begin < end <= len(text)


def test_texts_made_of_disguises_lead_back_and_raise_nothing() -> None:
    """Two hundred here; ten thousand in bench/governance/detection.py."""
    fuzz(200)


def fuzz(count: int) -> None:
    chance = random.Random(11)
    ways = [way for table in (DISGUISES, MORE) for way in table.values()]
    pieces = ["4111111111111111", "joe@example.com", "DE89370400440532013000", "460-89-9847", "é 漢", "", "one two three four", "%", "&#", "\\u", "A" * 30]
    for _ in range(count):
        text = "".join(chance.choice(ways)(chance.choice(pieces)) if chance.random() < 0.5 else chance.choice(pieces) for _ in range(10))[
            : chance.randrange(1, 400)
        ]
        for view in forms(text):
            start = chance.randrange(max(1, len(view.text)))
            if start < len(view.text):
                begin, end = view.origin(start, chance.randrange(start + 1, len(view.text) + 1))
                assert 0 <= begin < end <= len(text)


@pytest.mark.parametrize(
    "unit",
    ["&#52;", "%41", "\\u0041", "4\u200b", "４", "\u0412E", "1 ", "four ", "[at] a", "1234\n", "=34", "A1bcdefghijk ", "\U000e0041", "52 49 "],  # noqa: RUF001 - meant
)
def test_time_grows_with_the_length_and_not_with_its_square(unit: str) -> None:
    def spent(size: int) -> float:
        text = unit * (size // len(unit))
        best = 1e9
        for _ in range(2):
            start = time.process_time()
            list(views(text, Budget(characters=10**8)))
            best = min(best, time.process_time() - start)
        return best

    spent(1_000)
    assert spent(12_000) < 12 * spent(2_000) + 0.03
