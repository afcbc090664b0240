"""Your mask on five words."""

from grader.pictures import Table

WORDS = ("we", "painted", "the", "boat", "red")


def run(submission, rng):
    mask = submission.causal_mask(len(WORDS)).tolist()
    seen = [" ".join(each for each, may in zip(WORDS, row, strict=True) if may) for row in mask]
    rows = [(word, [words]) for word, words in zip(WORDS, seen, strict=True)]
    yield Table("The words that each word may attend to, by your mask", ("words",), rows)
