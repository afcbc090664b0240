"""Your router's loads."""

from grader.pictures import Bars, Series

TOKENS, EXPERTS, CHOSEN = 1000, 8, 2


def run(submission, rng):
    logits = rng.randn(TOKENS, EXPERTS) + rng.randn(EXPERTS) / 2  # some are preferred
    _, indices = submission.route(logits, CHOSEN)
    loads = indices.flatten().bincount(minlength=EXPERTS) / TOKENS
    experts = tuple(f"expert {e}" for e in range(EXPERTS))
    title = f"The tokens that your router sends to each expert, per cent of {TOKENS:,}"
    yield Bars("loads", title, experts, (Series("tokens", (100 * loads).tolist()),))
