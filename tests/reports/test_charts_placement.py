"""Labels never meet: not each other, not a mark, not a leader; and they never leave the picture."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.reports.charts.placement import GAP_PX, Board, Box, Line, Wanted

AREA = Box(0, 0, 400, 300)
numbers = st.floats(0, 400, allow_nan=False)


@given(st.lists(st.tuples(numbers, st.floats(0, 300), st.floats(5, 200), st.floats(5, 60)), max_size=14))
def test_no_two_texts_meet_and_none_leaves_the_picture(wanted: list[tuple[float, float, float, float]]) -> None:
    marks = [Box(x - 4, y - 4, x + 4, y + 4) for x, y, _, _ in wanted]
    board = Board(AREA, marks, [])
    for x, y, width, height in wanted:
        board.put(Wanted(width, height, x, y))
    for one, other in combinations(board.placed, 2):
        assert not one.box.meets(other.box)
        assert not (one.leader and one.leader.crosses(other.box))
    for one in board.placed:
        assert AREA.holds(one.box)
        assert not any(one.box.meets(mark) for mark in marks)


def test_a_text_stands_on_its_best_side() -> None:
    placed = Board(AREA, [], []).put(Wanted(40, 10, 200, 150, towards=0))
    assert placed is not None
    assert placed.box.left > 200  # to the right
    assert placed.leader is None  # near enough to need no line


def test_a_text_turns_away_from_a_line() -> None:
    wall = Line(209, 0, 209, 300, weight=9)  # to the right, where it would stand
    placed = Board(AREA, [], [wall]).put(Wanted(40, 10, 200, 150, towards=0))
    assert placed is not None
    assert not wall.crosses(placed.box)


def test_a_text_without_room_has_no_place() -> None:
    assert Board(AREA, [], []).put(Wanted(401, 10, 200, 150)) is None
    assert Board(AREA, [AREA], []).put(Wanted(10, 10, 200, 150)) is None


def test_a_text_may_be_kept_near_and_off_lines() -> None:
    filled = [Box(150, 100, 250, 200)]  # everything within 50 pixels
    assert Board(AREA, filled, []).put(Wanted(10, 10, 200, 150, reach=40)) is None
    assert Board(AREA, filled, []).put(Wanted(10, 10, 200, 150)) is not None
    everywhere = [Line(x, 0, x, 300) for x in range(0, 400, 5)]
    assert Board(AREA, [], everywhere).put(Wanted(30, 10, 200, 150, crossings=1)) is None


def test_a_text_would_rather_be_crossed_than_struck_through() -> None:
    assert Line(0, 5, 20, 5).nuisance > Line(5, 0, 5, 20).nuisance


def test_the_name_of_a_line_stands_beside_it() -> None:
    upright, level = Line(100, 0, 100, 300), Line(0, 200, 400, 200)
    board = Board(AREA, [], [])
    beside = board.put(Wanted(50, 10, 100, 0, along=upright))
    above = board.put(Wanted(50, 10, 0, 200, along=level))
    assert beside is not None
    assert above is not None
    assert beside.box.left == 100 + GAP_PX + 1
    assert above.box.bottom == 200 + GAP_PX + 1


@pytest.mark.parametrize(
    ("line", "crosses"),
    [
        (Line(0, 5, 20, 5), True), (Line(0, 0, 20, 20), True), (Line(0, 11, 20, 11), False), (Line(0, 5, 4, 5), False),
        (Line(0, 10, 20, 10), False), (Line(6, 6, 7, 7), True),
    ],
)
def test_a_line_crosses_a_box_when_a_part_lies_inside(line: Line, crosses: bool) -> None:
    assert line.crosses(Box(5, 5 - 5, 10, 10)) is crosses
