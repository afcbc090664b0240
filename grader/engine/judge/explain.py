"""Explanation of a failed test, made from the exception that it raised."""

import itertools
import math
import re
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from grader.base.errors import UsageError
from grader.base.result import Call, Comparison, Failure, Number, Outcome, Raised
from grader.base.text import clean, clean_line
from grader.engine.judge.calls import call_of, is_shown_in_parts, last_call, shown_entry, with_wrong_part
from grader.engine.judge.compare import Difference, Disagreement, Path
from grader.engine.judge.context import FailureContext
from grader.engine.judge.faults import Fault
from grader.engine.judge.frames import exception_of, samples_of
from grader.engine.judge.names import argument_name, may_return_none, names_of_parts, signature_text
from grader.engine.judge.near_miss import near_miss, rounded_number
from grader.engine.judge.numbers import compare_numbers
from grader.engine.judge.reproduce import reproduction
from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire
from grader.engine.sandbox.mirror import RemoteModule
from grader.engine.sandbox.proxy import EarlierCall, RemoteObject

_RAISES = re.compile(r"DID NOT RAISE |<class '(?:\w+\.)*|'>")  # around a name, as pytest 8 and 9 write it
_RESULT = "What "  # begins the name of an unnamed result: "What route returns"
_TOO_LARGE = "What this test got from your code is too large for the memory of the grader."
_RETURN = "Is a return missing?"
_ASKED_FOR = re.compile(r"tried to allocate (\d+) bytes")  # in torch's words
_MOST_NAMED = 6  # missing or unexpected entries that a sentence lists
_MOST_SHOWN = 3  # entries of a collection that is shown whole
_PRODUCT = re.compile(r"@|\bmatmul\b")
_CONTAINERS = {  # how the text of a value begins, and what it is
    "array": "a numpy array", "list of": "a list", "[": "a list", "tuple of": "a tuple", "(": "a tuple",
    "dict of": "a dict",
}  # fmt: skip


def explain(error: BaseException, context: FailureContext) -> tuple[Outcome, Failure]:
    """Return the outcome of a test that raised `error`, and why it failed."""
    outcome, failure = _with_wrong_kind(*_explain(error, context))
    if failure.call and failure.message.endswith(_RETURN) and may_return_none(context.reference, failure.call.function):
        failure = msgspec.structs.replace(
            failure, message=f"{failure.call.function} returned None, but a value was expected here."
        )
    failing = shown_entry(error, context.log)
    if failing is None:
        return outcome, failure
    name_argument = partial(argument_name, context.reference)
    made = reproduction(context.module, context.log, failing, context.seed, name_argument)
    return outcome, msgspec.structs.replace(failure, reproduction=made)


def unexplained(error: BaseException) -> tuple[Outcome, Failure]:
    """Return the outcome of a test that raised `error`, in case explaining it fails."""
    fault = error if isinstance(error, Fault) else getattr(error, "fault", None)
    if isinstance(fault, Fault):
        return fault.outcome, Failure(fault.message)
    if isinstance(error, UsageError) and not isinstance(error, EarlierCall):
        return Outcome.ERROR, Failure(str(error))
    if out_of_memory(error):
        return Outcome.MEMORY, Failure(_TOO_LARGE)
    outcome = Outcome.WRONG_TYPE
    if isinstance(error, Disagreement):
        outcome = error.difference.outcome
    elif isinstance(error, AssertionError | pytest.fail.Exception):
        outcome = Outcome.FAILED
    return outcome, Failure("This test does not pass. The grader failed to explain why.")


def out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that this process is out of memory."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))


def _explain(error: BaseException, context: FailureContext) -> tuple[Outcome, Failure]:
    fault = error if isinstance(error, Fault) else getattr(error, "fault", None)
    if isinstance(fault, Fault):
        return _explain_fault(fault, context)
    if isinstance(error, EarlierCall) and not _reference_keeps_tensors(error.call, context):
        message = f"What {error.label} gave depends on tensors that your code keeps from an earlier call."
        return Outcome.FAILED, Failure(f"{message} The reference's does not.", last_call(context))
    if isinstance(error, UsageError):  # the test asks for something unsupported
        return Outcome.ERROR, Failure(str(error))
    if isinstance(error, Disagreement):
        return _explain_disagreement(error, context)
    if isinstance(error, pytest.fail.Exception):
        return _explain_no_exception(error, context)
    if out_of_memory(error):
        return Outcome.MEMORY, Failure(_TOO_LARGE, last_call(context))
    if isinstance(error, AssertionError):
        message = clean(str(error)) or "A check of this test did not hold."
        return Outcome.FAILED, Failure(message, last_call(context))
    reply = context.log[-1].reply if context.log else None
    if isinstance(reply, wire.Returned) and reply.value is None:
        label = context.log[-1].question.label
        return Outcome.RETURNED_NONE, Failure(f"{label} returned None. {_RETURN}", last_call(context))
    what = f"{type(error).__name__}: {clean(str(error))}"
    return Outcome.WRONG_TYPE, Failure(f"The test could not use what was returned: {what}", last_call(context))


def _reference_keeps_tensors(call: int, context: FailureContext) -> bool:
    """Return whether the reference's result of this call depends on earlier calls, so that the test is at fault."""
    if context.expected is None or not all(entry.is_whole for entry in context.log):
        return False  # cannot be asked; `grade check` has shown that the test works on the reference
    asked = zip(context.log, context.expected(), strict=True)
    reply = next(answer.reply for entry, answer in asked if entry.request.id == call)
    return isinstance(reply, wire.Returned) and reply.earlier


def _with_wrong_kind(outcome: Outcome, failure: Failure) -> tuple[Outcome, Failure]:
    """Return the failure, reported as a wrong kind of value if None or a list was returned instead of a tensor."""
    if failure.call is None or failure.comparison or outcome not in (Outcome.FAILED, Outcome.WRONG_TYPE):
        return outcome, failure
    for part in failure.call.returned:
        if part.expected is None or part.yours.text == part.expected.text:
            continue
        if part.yours.text == "None":
            what = failure.call.function if part.name == "result" else part.name
            message = f"{what} returned None. {_RETURN}" if part.name == "result" else f"{what} is None."
            return Outcome.RETURNED_NONE, msgspec.structs.replace(failure, message=message)
        kind = next((kind for start, kind in _CONTAINERS.items() if part.yours.text.startswith(start)), None)
        if part.expected.text == "tensor" and kind is not None:
            message = f"{part.name} is {kind}, expected a tensor."
            return Outcome.WRONG_TYPE, msgspec.structs.replace(failure, message=message)
    return outcome, failure


# ---------------------------------------------------------------- kinds of failure


def _explain_fault(fault: Fault, context: FailureContext) -> tuple[Outcome, Failure]:
    """Explain a call that returned no value."""
    message = fault.message
    call = last_call(context)
    exception = None
    if fault.threw is not None:
        exception = exception_of(fault.threw, context.source, context.module, context.file, context.sizes)
    if fault.outcome is Outcome.WRONG_SIGNATURE and fault.threw is not None:
        function = context.log[-1].question.label
        message = f"{function} cannot be called as the exercise says: {message}."
        if fault.threw.signature:
            message += f" Yours is {function}{clean_line(fault.threw.signature)}"
            theirs = signature_text(context.reference, function)
            message += f", the exercise's {function}{theirs}." if theirs else "."
    elif fault.outcome is Outcome.ARGUMENT_CHANGED:
        names = [argument_name(context.reference, context.log[-1], name) for name in fault.message.split(", ")]
        them = "it" if len(names) == 1 else "them"
        message = f"Your code changed {_join(names)} in place. The caller still needs {them}."
    elif fault.outcome is Outcome.EXCEPTION and exception is not None:
        message = _explain_product(fault.threw, exception) or _explain_gradient(exception) or message
    elif fault.outcome is Outcome.MEMORY and exception is not None:
        message = _explain_copies(exception) or message
    seen = samples_of(fault, context) if fault.outcome is Outcome.TIMEOUT else None
    return fault.outcome, Failure(message, call, exception=exception, samples=seen)


def _explain_disagreement(error: Disagreement, context: FailureContext) -> tuple[Outcome, Failure]:
    """Explain a value that is not the expected one."""
    difference = error.difference
    entry = shown_entry(error, context.log)
    keys = "".join(f"[{key!r}]" for key in difference.path if isinstance(key, str))
    name = f"{error.name}{keys}" if error.name else _part_name(entry, difference.path, context)
    compared = None
    miss = None
    if isinstance(difference.actual, Tensor) and isinstance(difference.expected, Tensor):
        if difference.outcome in (Outcome.WRONG_VALUES, Outcome.NAN):
            compared = compare_numbers("result" if name.startswith(_RESULT) else name, difference, context.sizes)
        if difference.outcome in (Outcome.WRONG_VALUES, Outcome.WRONG_SHAPE):
            miss = near_miss(difference.actual.detach(), difference.expected.detach())
    elif difference.outcome is Outcome.WRONG_VALUES and _are_floats(difference):
        miss = rounded_number(difference.actual, difference.expected)
    call = call_of(entry, context) if entry else None
    if call and error.name is None:
        call = Call(call.function, call.arguments, with_wrong_part(call.returned, difference))
    return difference.outcome, Failure(
        _difference_sentence(name, difference, compared, context.sizes), call, compared, miss
    )


def _explain_no_exception(error: BaseException, context: FailureContext) -> tuple[Outcome, Failure]:
    """Explain a `pytest.raises` without an exception, or a call of `pytest.fail`."""
    text = str(error)
    if not text.startswith("DID NOT RAISE"):
        return Outcome.FAILED, Failure(clean(text), last_call(context))
    kind = _RAISES.sub("", text)
    label = context.log[-1].question.label if context.log else "The call"
    return Outcome.NO_EXCEPTION, Failure(f"{label} should raise {kind} here, and returned.", last_call(context))


# ---------------------------------------------------------------- sentences


def _difference_sentence(name: str, difference: Difference, compared: Comparison | None, sizes: dict[int, str]) -> str:
    """Return the sentence that says what differs."""
    yours, theirs = difference.actual, difference.expected
    inner = name[0].lower() + name[1:] if name.startswith(_RESULT) else name  # within a sentence
    match difference.outcome:
        case Outcome.RETURNED_NONE:
            if name.startswith(_RESULT) and not difference.path:
                return f"{name.removeprefix(_RESULT).removesuffix(' returns')} returned None. {_RETURN}"
            return f"{name} is None."
        case Outcome.WRONG_SHAPE:
            yours, theirs = _shape_of(yours), _shape_of(theirs)
            missing = _missing_axes(yours, theirs, sizes)
            return f"{name} is {_shape_text(yours, sizes)}, expected {_shape_text(theirs, sizes)}.{missing}"
        case Outcome.WRONG_DTYPE:
            return f"{name} is {_dtype_name(yours)}, expected {_dtype_name(theirs)}."
        case Outcome.WRONG_TYPE:
            return f"{name} is {_kind_of(yours)}, expected {_kind_of(theirs)}."
        case Outcome.NAN if compared is not None:
            count = int(yours.isnan().sum())
            return f"{count} of {compared.total} numbers of {inner} {'is' if count == 1 else 'are'} NaN."
        case _ if compared is not None:
            size = f", by at most {_number_text(compared.largest)}" if _is_continuous(yours) else ""
            few = "differs" if compared.differing == 1 else "differ"
            return f"{compared.differing} of {compared.total} numbers of {inner} {few}{size}."
        case _ if isinstance(yours, dict) and isinstance(theirs, dict):
            return _membership_sentences(name, yours, theirs, "key")
        case _ if _are_long_collections(yours, theirs):
            return _membership_sentences(name, yours, theirs, "entry") or _order_sentence(name, yours, theirs)
        case _:
            return f"{name} is {_value_text(yours)}, expected {_value_text(theirs)}."


def _membership_sentences(name: str, yours: Collection[Any], theirs: Collection[Any], kind: str) -> str:
    """Return sentences that name what is missing from a collection, and what should not be in it."""
    missing = [clean_line(repr(each))[:60] for each in theirs if each not in yours]
    extra = [clean_line(repr(each))[:60] for each in yours if each not in theirs]
    sentences = []
    if missing:
        sentences.append(f"{name} lacks {_some(missing, kind)}.")
    if extra:
        sentences.append(f"{name} has {_some(extra, kind)}, which should not be there.")
    return " ".join(sentences)


def _some(words: Sequence[str], kind: str) -> str:
    """Return the first of some words, after what they are, and how many more there are."""
    more = [f"{len(words) - _MOST_NAMED} more"] if len(words) > _MOST_NAMED else []
    plural = {"key": "keys", "entry": "entries"}[kind]
    return f"the {kind if len(words) == 1 else plural} {_join([*words[:_MOST_NAMED], *more])}"


def _order_sentence(name: str, yours: Collection[Any], theirs: Collection[Any]) -> str:
    if len(yours) == len(theirs):
        return f"{name} has the right entries in another order."
    return f"{name} has {len(yours)} entries, expected {len(theirs)}: some occur too often or too rarely."


def _are_long_collections(yours: Any, theirs: Any) -> bool:
    """Return whether both are collections of names or plain numbers that are too long to be shown whole."""
    if not all(isinstance(each, list | tuple | set | frozenset) for each in (yours, theirs)):
        return False
    plain = all(isinstance(each, str | int | tuple) for each in (*yours, *theirs))
    return plain and max(len(yours), len(theirs)) > _MOST_SHOWN


def _are_floats(difference: Difference) -> bool:
    return isinstance(difference.expected, float) and type(difference.actual) in (int, float)


def _part_name(entry: LogEntry | None, path: Path, context: FailureContext) -> str:
    """Return the name in a sentence of the part of a result at `path`."""
    if entry is None:
        return "The value"
    result = entry.question.result
    count = len(result) if is_shown_in_parts(result) else 1
    names = names_of_parts(context.reference, entry.question.label, count)
    rest = path
    if count == 1:
        name = names[0] if names[0] != "result" else f"{_RESULT}{entry.question.label} returns"
        name += " at " if path and name.startswith(_RESULT) else ""
    elif path and isinstance(path[0], int) and path[0] < count:
        name, rest = names[path[0]], path[1:]
    else:
        name = f"{_RESULT}{entry.question.label} returns"
    return name + "".join(f"[{key!r}]" for key in rest)


def _shape_text(shape: Sequence[int], sizes: dict[int, str]) -> str:
    axes = [f"{sizes[d]}={d}" if d in sizes else str(d) for d in shape]
    return f"[{', '.join(axes)}]"


def _missing_axes(yours: Sequence[int], theirs: Sequence[int], sizes: dict[int, str]) -> str:
    """Return a sentence that names the axes that are missing; "" if none."""
    missing = [d for d in theirs if d not in yours and d in sizes]
    named = [f"{sizes[d]}={d}" for d in missing]
    return f" No axis of yours has length {_join(named)}." if named else ""


def _shape_of(value: Any) -> Sequence[int]:
    """Return the shape of a tensor, or a shape as it is."""
    return value.shape if isinstance(value, Tensor) else tuple(value)


def _number_text(number: Number) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def _is_continuous(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind_of(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {_dtype_name(value)}"
    kept = isinstance(value, RemoteObject | RemoteModule)
    name = value.__dict__["_type_name"] or "object" if kept else type(value).__name__
    name = {"ndarray": "numpy array", "Size": "shape (torch.Size)"}.get(name, name)
    return f"{'an' if name[0] in 'aeiou' else 'a'} {clean_line(name[:60])}"


def _value_text(value: Any) -> str:
    if isinstance(value, torch.Size):
        value = tuple(value)
    if isinstance(value, tuple | list) and any(isinstance(v, Tensor | dict | tuple | list) for v in value):
        return f"a {type(value).__name__} of {len(value)}"
    text = clean_line(repr(value))
    return text if len(text) <= 200 else f"{text[:199]}…"


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _explain_gradient(exception: Raised) -> str | None:
    """Return an explanation for a gradient that failed because a tensor was changed in place; None otherwise."""
    if "modified by an inplace operation" not in exception.message:
        return None
    return (
        "A tensor that the gradient needs was overwritten: h *= a, h.mul_(a) and h[t] = c write into the tensor that "
        "is there. h = h * a makes a new one."
    )


def _explain_product(threw: wire.Threw | None, exception: Raised) -> str | None:
    """Return an explanation for a matrix product whose shapes do not match; None otherwise."""
    if threw is None or "shapes cannot be multiplied" not in threw.message or not threw.frames:
        return None
    operands = [o for o in threw.frames[-1].operands if o.value.shape]
    frame = exception.frames[-1]
    text = next((each.text for each in frame.source if each.number == frame.line), "")
    names = [re.escape(o.expression) for o in operands]
    if len(operands) != 2 or not re.search(rf"(?<![\w.]){names[0]}\s*[@,]\s*{names[1]}(?![\w.\[(])", text):
        return None  # the product is of expressions that contain these tensors
    shapes = [list(o.value.shape or ()) for o in operands]
    left, right = shapes
    meets = right[-2] if len(right) > 1 else right[-1]
    if left[-1] == meets:  # these tensors match: the product is of others
        return None
    both = "" if left[-1] != right[-1] else " Both of your tensors carry the same size last."
    return f"a @ b sums over the last axis of a and the one before last of b: here {left[-1]} meets {meets}.{both}"


def _explain_copies(exception: Raised) -> str | None:
    """Return which tensor a matrix product broadcasts until memory is full; None if that is not certain.

    The number of bytes that could not be allocated must be that of the copies.
    """
    asked = _ASKED_FOR.search(exception.message)
    if asked is None or not exception.frames:
        return None
    frame = exception.frames[-1]
    text = next((each.text for each in frame.source if each.number == frame.line), "")
    if not _PRODUCT.search(text[frame.column : frame.end_column]):
        return None
    operands = [(o.expression, [a.size for a in o.value.shape or ()], o.value.dtype) for o in frame.operands]
    for (name, shape, dtype), (_, other, _) in itertools.permutations(operands, 2):
        if not 3 <= len(shape) == len(other) or other[-2] == other[-1]:  # a square matrix: the result would be as large
            continue
        widened = [theirs if mine == 1 else mine for mine, theirs in zip(shape[:-2], other[:-2], strict=True)]
        size = math.prod([*widened, *shape[-2:]]) * getattr(torch, dtype or "", torch.int8).itemsize
        if widened != shape[:-2] and size == int(asked[1]):
            times = math.prod(widened) // math.prod(shape[:-2])
            return (
                f"The memory that an exercise may use was not enough: the product copies {name} {times} times, since "
                f"it has size 1 where the other tensor has more. The copies take {size / 2**20:.0f} MiB."
            )
    return None
