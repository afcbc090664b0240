"""Your tokens of a sentence."""

from collections import Counter

from grader.pictures import Table

TEXT = """we paint the boat and they paint the other boat the painter paints a boat and the boats are painted
a painted boat floats and a boat that nobody paints floats too the painters sold the boats they had painted"""
SENTENCE = "the painter painted a float"
MERGES = (0, 10, 40)


def run(submission, rng):
    rows = []
    for number in MERGES:
        merges = submission.learn_merges(dict(Counter(TEXT.split())), number)
        words = [
            "·".join(submission.decode([token], merges) for token in submission.encode(word, merges))
            for word in SENTENCE.split()
        ]
        rows.append((f"{number} merges", [" ".join(words)]))
    yield Table("A sentence in your tokens, after so many merges", ("tokens",), rows)
