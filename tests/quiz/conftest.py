"""Hypothesis tries the same examples every time, however busy the machine."""

from hypothesis import settings

settings.register_profile("still", deadline=None, derandomize=True, database=None)
settings.load_profile("still")
