"""Train the one-layer readers of the part "How many names fit?" and print their right answers in books of six sizes."""

import re
from pathlib import Path
from types import ModuleType

SIZES = (4, 8, 12, 16, 24, 32)  # names in a book


def block(name: str) -> ModuleType:
    """The module that a block of this lesson whose first line is `# name.py` defines."""
    for part in sorted(Path(__file__).parent.parent.glob("*.md")):
        found = re.search(rf"^```python\n(# {name}\.py\n.*?)^```", part.read_text(), re.DOTALL | re.MULTILINE)
        if found:
            module = ModuleType(name)
            exec(found[1], module.__dict__)
            return module
    raise LookupError(name)


if __name__ == "__main__":
    reader = block("reader")
    for kind, mix, K in (
        ("attention", reader.attention, 8),
        *(("state", reader.added, K) for K in (8, 16, 32)),
    ):
        model = reader.trained([mix], K)
        print(f"{kind}, K = {K}", [round(reader.right(model, size), 2) for size in SIZES])
