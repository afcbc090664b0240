"""Watches folders for saved files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread

import watchfiles

_QUIET_MS = 10  # milliseconds without another change before changes are reported
_MAX_DELAY_MS = 100  # milliseconds after which changes are reported in any case


class SaveWatcher:
    """A context manager that reports, from its own thread, files saved below folders."""

    def __init__(self, folders: Sequence[Path], on_save: Callable[[set[Path]], None]):
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._on_save = on_save
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "SaveWatcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        for changes in watchfiles.watch(
            *self._folders, step=_QUIET_MS, debounce=_MAX_DELAY_MS, stop_event=self._stop, raise_interrupt=False
        ):
            self._on_save({Path(path) for _, path in changes})
