"""Timelines on a terminal."""

from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import TIMELINE


def test_labels_are_inside_their_stretches() -> None:
    assert plain(TIMELINE) == [
        "prefill, then decode",
        "GPU    [══════════ prefill ══════════][ decode ][decode ][ decode ][decode ]",
        "memory [═══════════ fills ═══════════]  [══════ read for each token ═══════]",
        "       ┴───────────────┴──────────────┴───────────────┴───────────────┴─────",
        "       0              20             40              60              80 ms",
    ]


def test_numbers_replace_labels_that_do_not_fit() -> None:
    assert plain(TIMELINE, 44, unicode=False) == [
        "prefill, then decode",
        "GPU    [=== prefill ===][ 1 ][ 1 ][ 1 ][ 1 ]",
        "memory [==== fills ====] [======= 2 =======]",
        "       +--------------------+---------------",
        "       0                   50 ms",
        "1 decode   2 read for each token",
    ]
