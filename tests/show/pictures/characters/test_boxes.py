"""Boxes and arrows on a terminal."""

from grader.pictures import Arrow, Box, Boxes
from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import DECODER, FAN, FLOW, ROUTER, SEQ2SEQ


def test_arrow_goes_around_boxes_in_between() -> None:
    assert plain(FLOW) == [
        "a layer",
        "  ┌──────────────────────────────────┐",
        "  │                                  ↓",
        "┌─┴─┐     ┌──────┐     ┌─────┐     ┌───┐",
        "│ x ├────→│ norm ├────→│ FFN ├────→│ + │",
        "└───┘     └──────┘     └─────┘     └───┘",
    ]


def test_boxes_are_drawn_in_ascii() -> None:
    assert plain(FLOW, unicode=False) == [
        "a layer",
        "  +----------------------------------+",
        "  |                                  v",
        "+-+-+     +------+     +-----+     +---+",
        "| x +---->| norm +---->| FFN +---->| + |",
        "+---+     +------+     +-----+     +---+",
    ]


def test_boxes_are_closer_if_there_is_little_room() -> None:
    assert plain(DECODER) == [
        "from tokens to logits",
        "              ┌──────────────────────────┐",
        "              │                          ↓",
        "┌──────┐ ┌────┴────┐ ┌────┐ ┌─────────┐ ┌─┐ ┌────┐ ┌───┐ ┌─┐ ┌──────┐",
        "│tokens├→│embedding├→│norm├→│attention├→│+├→│norm├→│FFN├→│+├→│logits│",
        "└──────┘ └─────────┘ └────┘ └─────────┘ └┬┘ └────┘ └───┘ └─┘ └──────┘",
        "                                         │                ↑",
        "                                         └────────────────┘",
    ]


def test_too_long_row_becomes_a_column() -> None:
    assert plain(DECODER, 56) == [
        "from tokens to logits",
        "  ┌───────────┐",
        "  │  tokens   │",
        "  └─────┬─────┘",
        "        ↓",
        "  ┌───────────┐",
        "┌─┤ embedding │",
        "│ └─────┬─────┘",
        "│       ↓",
        "│ ┌───────────┐",
        "│ │   norm    │",
        "│ └─────┬─────┘",
        "│       ↓",
        "│ ┌───────────┐",
        "│ │ attention │",
        "│ └─────┬─────┘",
        "│       ↓",
        "│ ┌───────────┐",
        "└→│     +     ├─┐",
        "  └─────┬─────┘ │",
        "        ↓       │",
        "  ┌───────────┐ │",
        "  │   norm    │ │",
        "  └─────┬─────┘ │",
        "        ↓       │",
        "  ┌───────────┐ │",
        "  │    FFN    │ │",
        "  └─────┬─────┘ │",
        "        ↓       │",
        "  ┌───────────┐ │",
        "  │     +     │←┘",
        "  └─────┬─────┘",
        "        ↓",
        "  ┌───────────┐",
        "  │  logits   │",
        "  └───────────┘",
    ]


def test_labels_are_on_or_beside_their_arrows() -> None:
    assert plain(SEQ2SEQ) == [
        "encoder and decoder",
        "┌────────────────┐         ┌───────────────────────┐",
        "│ source tokens  │         │     target tokens     │",
        "└───────┬────────┘         └───────────┬───────────┘",
        "        ↓                              ↓",
        "┌────────────────┐         ┌───────────────────────┐",
        "│ self-attention │         │ masked self-attention │",
        "└───────┬────────┘         └───────────┬───────────┘",
        "        ↓                              ↓ Q",
        "┌────────────────┐         ┌───────────────────────┐",
        "│      FFN       ├─ K, V ─→│    cross-attention    │",
        "└────────────────┘         └───────────┬───────────┘",
        "                                       ↓",
        "                           ┌───────────────────────┐",
        "                           │          FFN          │",
        "                           └───────────┬───────────┘",
        "                                       ↓",
        "                           ┌───────────────────────┐",
        "                           │        logits         │",
        "                           └───────────────────────┘",
    ]


def test_box_spans_several_columns() -> None:
    assert plain(ROUTER, 56) == [
        "four experts, two of them chosen",
        "┌───────────────────────────────────────────────┐",
        "│                   one token                   │",
        "└───────────────────────┬───────────────────────┘",
        "                        ↓",
        "┌───────────────────────────────────────────────┐",
        "│                    router                     │",
        "└────────────────┬─────────────────────────┬────┘",
        "                 ↓ 0.7                     ↓ 0.3",
        "┌────────┐   ┌────────┐   ┌────────┐   ┌────────┐",
        "│expert 0│   │expert 1│   │expert 2│   │expert 3│",
        "└────────┘   └───┬────┘   └────────┘   └───┬────┘",
        "                 ↓                         ↓",
        "┌───────────────────────────────────────────────┐",
        "│                 weighted sum                  │",
        "└───────────────────────────────────────────────┘",
    ]


def test_arrows_to_the_same_box_join() -> None:
    assert plain(FAN) == [
        "four experts",
        "┌───────┐     ┌────────┐     ┌──────────┐     ┌─────┐",
        "│ token ├────→│ router ├────→│ expert 0 ├────→│ sum │",
        "└───────┘     └────┬───┘     └──────────┘     └─────┘",
        "                   │                             ↑",
        "                   │                             │",
        "                   │         ┌──────────┐        │",
        "                   ├────────→│ expert 1 ├────────┤",
        "                   │         └──────────┘        │",
        "                   │                             │",
        "                   │                             │",
        "                   │         ┌──────────┐        │",
        "                   ├────────→│ expert 2 ├────────┤",
        "                   │         └──────────┘        │",
        "                   │                             │",
        "                   │                             │",
        "                   │         ┌──────────┐        │",
        "                   └────────→│ expert 3 ├────────┘",
        "                             └──────────┘",
    ]


def test_long_labels_are_wrapped() -> None:
    boxes = Box("a", "multi head attention", 0, 0), Box("b", "feed forward network", 0, 1)
    assert plain(Boxes("b", "Two", boxes, (Arrow("a", "b"),)), 22)[1:] == [
        "┌─────────┐  ┌───────┐",
        "│  multi  │  │ feed  │",
        "│  head   ├─→│forward│",
        "│attention│  │network│",
        "└─────────┘  └───────┘",
    ]


def test_arrows_are_listed_in_words_if_no_layout_fits() -> None:
    boxes = Box("a", "norm", 0, 0), Box("b", "FFN", 0, 1)
    arrow = Arrow("a", "b", "a label that is longer than a line")
    assert plain(Boxes("b", "Two", boxes, (arrow,)), 20)[1:] == [
        "norm → FFN: a",
        "  label that is",
        "  longer than a line",
    ]
