"""Which files of a course were saved, as the system tells it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread

import watchfiles

_STEP = 10  # milliseconds without another change after which changes are told
_MOST = 100  # milliseconds after which they are told in any case


class Saves:
    """Tells of files that were saved below folders, from a thread of its own, from `with` until its end."""

    def __init__(self, folders: Sequence[Path], tell: Callable[[set[Path]], None]):
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._tell = tell
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Saves":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        for changes in watchfiles.watch(
            *self._folders, step=_STEP, debounce=_MOST, stop_event=self._over, raise_interrupt=False
        ):
            self._tell({Path(path) for _, path in changes})
