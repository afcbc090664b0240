"""The pictures of the course's opening."""

from grader.pictures import Arrow, Box, Boxes


def course_map() -> Boxes:
    return Boxes(
        "course-map",
        "Ten lessons",
        (
            Box("1", "1 transformers", 0, 0),
            Box("2", "2 decoders", 0, 1),
            Box("9", "9 depth, width", 0, 2),
            Box("3", "3 experts", 1, 0),
            Box("6", "6 shared heads", 1, 1),
            Box("10", "10 vision", 1, 2),
            Box("4", "4 in practice", 2, 0),
            Box("7", "7 state spaces", 2, 1),
            Box("5", "5 dense, sparse", 3, 0),
            Box("8", "8 hybrids", 3, 1),
        ),
        (
            Arrow("1", "2"),
            Arrow("2", "9"),
            Arrow("2", "3"),
            Arrow("2", "6"),
            Arrow("2", "10"),
            Arrow("3", "4"),
            Arrow("4", "5"),
            Arrow("6", "7"),
            Arrow("7", "8"),
        ),
    )
