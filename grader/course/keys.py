"""The place of a value in a YAML file."""

Keys = tuple[str | int, ...]  # ("limits", "seconds"), ("hints", 2)
