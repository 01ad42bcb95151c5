"""
Views and the way back.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.views.view import MARGIN, Edit, View


def edited(view: View, *edits: Edit, squeezed: bool = False) -> View:
    steps = view.edited(edits, squeezed=squeezed)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def origin_of(view: View, part: str) -> tuple[int, int]:
    at = view.text.index(part)
    return view.origin(at, at + len(part))


def test_the_text_as_given_is_where_it_is() -> None:
    assert View(text="abc").origin(1, 3) == (1, 3)


def test_what_was_changed_is_found_at_the_whole_of_what_it_was_made_of() -> None:
    view = edited(View(text="a NDEx b"), Edit(2, 6, "411"))
    assert view.text == "a 411 b"
    assert origin_of(view, "411") == (2, 6)
    assert origin_of(view, "1") == (2, 6)
    assert origin_of(view, "a 4") == (0, 6)
    assert origin_of(view, "b") == (7, 8)


def test_what_was_left_out_belongs_to_what_stands_around_it() -> None:
    view = edited(View(text="4-1-1"), Edit(1, 2, ""), Edit(3, 4, ""))
    assert view.text == "411"
    assert view.origin(0, 3) == (0, 5)
    assert view.origin(1, 2) == (2, 3)


def test_a_view_of_a_view_leads_back_to_the_text() -> None:
    inner = edited(View(text="x %34%31 y"), Edit(2, 5, "4"), Edit(5, 8, "1"))
    outer = edited(inner, Edit(2, 4, "forty-one"))
    assert outer.text == "x forty-one y"
    assert origin_of(outer, "one") == (2, 8)
    assert outer.depth == 2


def test_a_view_from_the_end_leads_back() -> None:
    view = edited(View(text="card 4321"), Edit(5, 9, None)).reversed()
    assert view.text == "1234 drac"
    assert origin_of(view, "1234") == (5, 9)
    assert origin_of(view, "12") == (7, 9)
    assert view.is_backwards
    assert edited(view, Edit(0, 1, "9")).is_backwards


def test_what_is_far_from_any_edit_is_left_out() -> None:
    text = "a" * 1000 + "X" + "b" * 1000 + "Y" + "c" * 1000
    view = edited(View(text=text), Edit(1000, 1001, "1"), Edit(2001, 2002, "2"))
    assert view.text == "a" * MARGIN + "1" + "b" * MARGIN + "\n" + "b" * MARGIN + "2" + "c" * MARGIN
    assert origin_of(view, "1b") == (1000, 1002)
    assert origin_of(view, "b2") == (2000, 2002)


def test_a_squeezed_view_stays_squeezed() -> None:
    view = edited(View(text="a b"), Edit(1, 2, ""), squeezed=True)
    assert view.squeezed
    assert edited(view, Edit(0, 1, "x")).squeezed


@st.composite
def views(draw: st.DrawFn) -> tuple[str, View]:
    text = draw(st.text("abc ", min_size=1, max_size=300))
    view = View(text=text)
    for _ in range(draw(st.integers(1, 3))):
        cuts = sorted(draw(st.lists(st.integers(0, len(view.text)), max_size=8)))
        edits = [Edit(start, end, draw(st.sampled_from(["", "x", "yyy", None]))) for start, end in zip(cuts[::2], cuts[1::2], strict=False) if start < end]
        edits = [edit for number, edit in enumerate(edits) if number == 0 or edit.start >= edits[number - 1].end]
        after = edited(view, *edits)
        view = after.reversed() if draw(st.booleans()) and after.text else after
        if not view.text:
            break
    return text, view


@given(views(), st.data())
@settings(max_examples=50)
def test_every_part_of_every_view_lies_in_the_text_and_a_larger_part_covers_a_smaller(made: tuple[str, View], data: st.DataObject) -> None:
    text, view = made
    if not view.text:
        return
    start = data.draw(st.integers(0, len(view.text) - 1))
    end = data.draw(st.integers(start + 1, len(view.text)))
    begin, stop = view.origin(start, end)
    assert 0 <= begin < stop <= len(text)
    whole = view.origin(0, len(view.text))
    assert whole[0] <= begin < stop <= whole[1]
