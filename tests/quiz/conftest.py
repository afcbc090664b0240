"""Makes Hypothesis deterministic: the same examples in every run, and no deadline on a busy machine."""

from hypothesis import settings

settings.register_profile("deterministic", deadline=None, derandomize=True, database=None)
settings.load_profile("deterministic")
