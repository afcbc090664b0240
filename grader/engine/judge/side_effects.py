"""Side effects of a call that an exercise may forbid: shared memory, and draws from torch's own generator.

The worker is asked about them by requests that are logged like any other, so they are replayed on known mistakes too.
"""

from typing import Any

from grader.base.errors import UsageError
from grader.engine.judge.replay import tensors_in
from grader.engine.sandbox.memory import Sharing, TensorPath
from grader.engine.sandbox.proxy import Link, RemoteSubmission
from grader.engine.sandbox.wire import MAX_NDIM

_SELF = "{name}[{before}0] and {name}[{before}1] are the same memory: a change to one changes all."
_INSIDE = "Some numbers of {name} are the same memory: a change to one changes others."
_OTHER = "{name} and {other} share memory: a change to one changes the other."
_ARGUMENT = "{name} shares memory with an argument of {call}: a change to one changes the other."
_GENERATOR = (
    "{call} left torch's own random generator in another state than before: torch.manual_seed, or numbers drawn"
    " without a generator of one's own, change what everybody else draws after it."
)


def memory_complaint(submission: Any, value: Any, name: str | None) -> str | None:
    """Return a sentence if tensors of `value`, a part of the last call's result, share memory; None otherwise.

    Returns None for a module of this process, too. Raises UsageError if `value` is not from the last call.
    """
    link = _link(submission)
    if link is None:
        return None
    paths = {id(tensor): path for path, tensor in tensors_in(link.last.result)}
    wanted = [(id(tensor), path) for path, tensor in tensors_in(value)]
    if not paths.keys() >= {tensor for tensor, _ in wanted}:
        raise UsageError("assert_own_memory is asked for another tensor than the last call returned.")
    named = {paths[tensor]: _named(name or "result", path) for tensor, path in wanted}
    for path, other, axis in link.side_effect("shared", list[Sharing]):
        if path in named:
            return _complaint(named[path], path, other, axis, link.last.label)
    return None


def generator_complaint(submission: Any) -> str | None:
    """Return a sentence if the last call changed the state of torch's own generator; None otherwise."""
    link = _link(submission)
    if link is None or link.side_effect("generator_kept", bool):
        return None
    return _GENERATOR.format(call=link.last.label)


def _link(submission: Any) -> Link | None:
    return vars(submission)["_link"] if isinstance(submission, RemoteSubmission) else None


def _complaint(name: str, path: TensorPath, other: TensorPath | None, axis: int | None, call: str) -> str:
    if other is None:
        return _ARGUMENT.format(name=name, call=call)
    if other != path:
        return _OTHER.format(name=name, other=_named("result", other))
    if axis is None:
        return _INSIDE.format(name=name)
    return _SELF.format(name=name, before=":, " * min(axis, MAX_NDIM))


def _named(name: str, path: TensorPath) -> str:
    return name + "".join(f"[{key!r:.60}]" for key in path[:10])
