"""Slips around a function of the reference: its arguments or its result changed, and what that is, in a clause."""

import inspect
import types
from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

import torch
from torch import Tensor, nn

from grader.course.variations import OWN
from grader.judge.diagnosis.versions import Slip

Change = Callable[[Any], Any]  # of a value; it raises where it does not apply


class NotApplicable(Exception):
    """A change that makes no sense for a value. It answers in no submission's words."""


def changed_calls(module: types.ModuleType, source: str, wanted: str, replaces: str) -> Iterator[Slip]:
    """The definition `wanted` of a module with one argument or one result changed. See `slips`."""
    target = getattr(module, wanted, None)
    for method, function in _functions(target):
        said = replaces if method is None else f"{replaces}.{method}"
        for clause, wrap in _wraps(function):
            install = partial(_install, wanted, method, wrap)
            first = function.__code__.co_firstlineno
            lines = range(first, first + 1)
            yield Slip(f"{said}: {clause}", replaces, clause, method, lines, install, module.__name__, source, wanted)


def _functions(target: Any) -> Iterator[tuple[str | None, Callable[..., Any]]]:
    """The functions whose arguments the contract names."""
    if inspect.isfunction(target) and not target.__name__.removeprefix(OWN).startswith("_"):
        yield None, target
    elif inspect.isclass(target):
        for name, function in vars(target).items():
            if inspect.isfunction(function) and (not name.startswith("_") or name == "__init__"):
                yield name, function


def _install(name: str, method: str | None, wrap: Callable[[Any], Any], names: dict[str, Any]) -> None:
    target = names[name]
    if method is None:
        names[name] = wrap(target)
        return
    changed = {method: wrap(vars(target)[method]), "__module__": target.__module__}
    names[name] = type(target.__name__, (target,), changed)


def _wraps(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    signature = inspect.signature(function)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    for each in parameters:
        if each.default is not inspect.Parameter.empty:
            ignored = partial(_change, each.name, _become(each.default))
            yield f"if `{each.name}` is not looked at", partial(_with_arguments, signature, ignored)
        for clause, change in ARGUMENTS:
            changed = partial(_change, each.name, change)
            yield clause.format(f"`{each.name}`"), partial(_with_arguments, signature, changed)
    for place, one in enumerate(parameters):
        for two in parameters[place + 1 :]:
            clause = f"if `{one.name}` and `{two.name}` are exchanged"
            yield clause, partial(_with_arguments, signature, partial(_exchange, one.name, two.name))
            for what, by in ((one.name, two.name), (two.name, one.name)):
                clause = f"if `{what}` is taken for how many of it there are in `{by}`, `{by}` / `{what}`"
                yield clause, partial(_with_arguments, signature, partial(_take_ratio, what, by))
                clause = f"if `{by}` counts in the place of `{what}`"
                yield clause, partial(_with_arguments, signature, partial(_take_other, what, by))
    if function.__name__ != "__init__":
        for clause, change in RESULTS:
            yield clause, partial(_with_result, change)


# ---------------------------------------------------------------- the ways to change a call


def _with_arguments(
    signature: inspect.Signature, edit: Callable[[inspect.BoundArguments], None], function: Callable[..., Any]
) -> Any:
    @wraps(function)
    def changed(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        edit(bound)
        return function(*bound.args, **bound.kwargs)

    return changed


def _change(name: str, change: Change, bound: inspect.BoundArguments) -> None:
    if name not in bound.arguments:
        raise NotApplicable
    bound.arguments[name] = change(bound.arguments[name])


def _exchange(one: str, two: str, bound: inspect.BoundArguments) -> None:
    bound.apply_defaults()
    bound.arguments[one], bound.arguments[two] = bound.arguments[two], bound.arguments[one]


def _take_ratio(what: str, by: str, bound: inspect.BoundArguments) -> None:
    one, other = bound.arguments.get(what), bound.arguments.get(by)
    if type(one) is not int or type(other) is not int or not one or other % one or other // one == one:
        raise NotApplicable
    bound.arguments[what] = other // one


def _take_other(what: str, by: str, bound: inspect.BoundArguments) -> None:
    bound.apply_defaults()
    if type(bound.arguments[what]) is not type(bound.arguments[by]):
        raise NotApplicable
    bound.arguments[what] = bound.arguments[by]


def _with_result(change: Change, function: Callable[..., Any]) -> Any:
    @wraps(function)
    def changed(*args: Any, **kwargs: Any) -> Any:
        return change(function(*args, **kwargs))

    return changed


# ---------------------------------------------------------------- changes of a value


def _become(default: Any) -> Change:
    return lambda value: default


def _where(fits: Callable[[Any], bool], change: Change) -> Change:
    """A change that applies to values of some kind only."""

    def changed(value: Any) -> Any:
        if not fits(value):
            raise NotApplicable
        return change(value)

    return changed


def _tensor(change: Callable[[Tensor], Tensor]) -> Change:
    return _where(lambda value: isinstance(value, Tensor) and not isinstance(value, nn.Parameter), change)


def _floating(change: Callable[[Tensor], Tensor]) -> Change:
    return _where(lambda value: isinstance(value, Tensor) and value.is_floating_point(), change)


def _integer(change: Callable[[int], int]) -> Change:
    return _where(lambda value: isinstance(value, int) and not isinstance(value, bool), change)


def _of_two_values(value: Any) -> bool:
    return isinstance(value, Tensor) and bool(((value == 0) | (value == 1)).all())


def _opposite(value: Tensor) -> Tensor:
    return ~value if value.dtype is torch.bool else 1 - value


def _averaged(axis: int) -> Callable[[Tensor], Tensor]:
    def changed(tensor: Tensor) -> Tensor:
        if tensor.dim() < 2 or tensor.shape[axis] < 2:
            raise NotApplicable
        return tensor.mean(axis, keepdim=True).expand_as(tensor)

    return changed


def _first(tensor: Tensor) -> Tensor:
    if tensor.dim() < 2 or len(tensor) < 2:
        raise NotApplicable
    return tensor[:1].expand_as(tensor)


def _shifted(step: int) -> Callable[[Tensor], Tensor]:
    def changed(tensor: Tensor) -> Tensor:
        if tensor.dim() < 2:
            raise NotApplicable
        return tensor.roll(step, -2)

    return changed


def _exchanged(value: Any) -> Any:
    if not isinstance(value, tuple) or len(value) != 2:
        raise NotApplicable
    return value[1], value[0]


def _scaled(factor: Callable[[Tensor], float]) -> Change:
    def changed(value: Any) -> Any:
        if isinstance(value, float):
            return value * factor(torch.zeros(1))
        return _floating(lambda tensor: tensor * factor(tensor))(value)

    return changed


def _last(tensor: Tensor) -> int:
    if not tensor.dim() or tensor.shape[-1] < 2:
        raise NotApplicable
    return tensor.shape[-1]


ARGUMENTS: tuple[tuple[str, Change], ...] = (
    ("if {} is 0 everywhere", _tensor(torch.zeros_like)),
    ("if {} is averaged over its first axis", _floating(_averaged(0))),
    ("if {} is averaged over its second axis", _floating(_averaged(1))),
    ("if {} is averaged over its last axis", _floating(_averaged(-1))),
    ("if the first entry of {} counts for all", _tensor(_first)),
    ("if {} is transposed", _tensor(lambda tensor: tensor.mT)),
    ("if {} is read backwards along its last axis", _tensor(lambda tensor: tensor.flip(-1))),
    ("if {} comes one step too late", _tensor(_shifted(1))),
    ("if {} comes one step too early", _tensor(_shifted(-1))),
    ("if {} has the opposite sign", _floating(lambda tensor: -tensor)),
    ("if {} is read the other way round, 1 for 0", _where(_of_two_values, _opposite)),
    ("if {} is read the other way round", _where(lambda value: isinstance(value, bool), lambda flag: not flag)),
    ("if {} is one less", _integer(lambda number: number - 1)),
    ("if {} is one more", _integer(lambda number: number + 1)),
    ("if {} is doubled", _integer(lambda number: number * 2)),
    ("if {} is halved", _integer(lambda number: number // 2)),
    ("if {} is 1", _integer(lambda number: 1)),
    ("if {} is rounded to float32", _floating(lambda tensor: tensor.float().to(tensor.dtype))),
    ("if no gradient leads through {}", _floating(lambda tensor: tensor.detach())),
)
RESULTS: tuple[tuple[str, Change], ...] = (
    ("with the two results exchanged", _exchanged),
    ("if the result is transposed", _tensor(lambda tensor: tensor.mT)),
    ("if the result is doubled", _scaled(lambda tensor: 2.0)),
    ("if the result is halved", _scaled(lambda tensor: 0.5)),
    ("if the result has the opposite sign", _scaled(lambda tensor: -1.0)),
    ("if the result is divided by the root of its last size", _scaled(lambda tensor: _last(tensor) ** -0.5)),
    ("if the result is multiplied by the root of its last size", _scaled(lambda tensor: _last(tensor) ** 0.5)),
    ("if the result is averaged over its first axis", _floating(_averaged(0))),
    ("if negative numbers of the result become 0", _floating(lambda tensor: tensor.clamp_min(0))),
    ("if a softmax is taken once more", _floating(lambda tensor: tensor.softmax(-1))),
    ("if the result is computed in float32 on the way", _floating(lambda tensor: tensor.float().to(tensor.dtype))),
    ("if no gradient leads through the result", _floating(lambda tensor: tensor.detach())),
)
