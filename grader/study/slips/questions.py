"""Questions about the student's own slips."""

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

from grader.quiz.model import Askable, CodeLine, Option, Single
from grader.study.slips.store import Slip

LONGEST = 60  # lines of a function that is shown


class _Change(msgspec.Struct, frozen=True):
    """The only line that was changed, in the function or method that has it."""

    code: str  # of the function
    line: int  # in it, from 1
    now: tuple[str, ...]  # what the line became; empty if it was removed


def slip_questions(slips: Iterable[Slip]) -> dict[str, Askable]:
    """Return a question for each slip whose exercise has passed since, by the slip's id.

    If a single line was changed, the question asks for it. Else it asks what a call returned.
    """
    known = list(slips)
    asked = {slip.id: _question(slip, known) for slip in known if slip.mended is not None}
    return {name: question for name, question in asked.items() if question is not None}


def _question(slip: Slip, slips: Iterable[Slip]) -> Askable | None:
    day = f"{slip.time.astimezone():%B} {slip.time.astimezone().day}"
    given: dict[str, Any] = {
        "id": slip.id,
        "level": "analyse",
        "section": slip.exercise,
        "source": f"your exercises/{slip.exercise}/{slip.exercise}.py of {day}",
    }
    advice = " ".join(slip.advice.split())
    change = _only_change(slip.text, slip.mended or "")
    if change is not None:
        became = f"became `{'; '.join(change.now)}`" if change.now else "was removed"
        return CodeLine(
            **given,
            question=f"On {day} you wrote this in `{slip.exercise}`. Which line is wrong?",
            explanation=f"{advice} Later, line {change.line} {became}.",
            code=change.code,
            answer=change.line,
        )
    return None if slip.call is None else _question_about_a_call(slip, given, day, advice, slips)


def _question_about_a_call(
    slip: Slip, given: Mapping[str, Any], day: str, advice: str, slips: Iterable[Slip]
) -> Single | None:
    call = slip.call
    if call is None:
        return None
    others = (each.call.returned for each in slips if each.exercise == slip.exercise and each.call is not None)
    other = next((each for each in others if each not in (call.returned, call.expected)), None)
    third = (
        Option(text="nothing, as it raised an exception", feedback="It returned something, but a wrong result.")
        if other is None
        else Option(text=f"`{other}`", feedback="That is what it returned after another mistake of yours.")
    )
    return Single(
        **given,
        question=f"In your `{slip.exercise}` of {day} there was a mistake. What did this call return, and why?",
        explanation=advice,
        code=call.code.strip(),
        options=(
            Option(text=f"`{call.returned}`", feedback="It did.", correct=True),
            Option(text=f"`{call.expected}`", feedback="That is the right result; your file returns it by now."),
            third,
        ),
    )


def _only_change(before: str, after: str) -> _Change | None:
    """Return the change if, in all functions that both texts have, a single line was changed or removed.

    Comments and spaces do not count.
    """
    try:
        old, new = _functions(before), _functions(after)
        changed = [name for name in old if name in new and _lines(old[name]) != _lines(new[name])]
        if len(changed) != 1:
            return None
        code, later = old[changed[0]], new[changed[0]]
        lines, others = dict(_code_lines(code)), dict(_code_lines(later))
    except (tokenize.TokenError, SyntaxError):
        return None
    matcher = SequenceMatcher(None, list(lines.values()), list(others.values()), autojunk=False)
    hunks = [each[1:] for each in matcher.get_opcodes() if each[0] != "equal"]
    if len(hunks) != 1 or code.count("\n") >= LONGEST:
        return None
    ((start, end, new_start, new_end),) = hunks
    if end != start + 1:
        return None
    now = tuple(later.split("\n")[number - 1].strip() for number in list(others)[new_start:new_end])
    return _Change(code, list(lines)[start], now)


def _functions(text: str) -> dict[str, str]:
    """Return the code of the functions and methods, by their names with those of their classes."""
    found = {}

    def collect(body: Sequence[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                lines = text.split("\n")[node.lineno - 1 : node.end_lineno]
                found[prefix + node.name] = textwrap.dedent("\n".join(lines))

    collect(ast.parse(text).body, "")
    return found


def _lines(code: str) -> list[str]:
    return [line for _, line in _code_lines(code)]


def _code_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with code: their numbers, and their tokens after the depth of their indentation."""
    depth, words, line = 0, list[str](), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match token.type:
            case tokenize.INDENT:
                depth += 1
            case tokenize.DEDENT:
                depth -= 1
            case tokenize.COMMENT | tokenize.NL | tokenize.NEWLINE | tokenize.ENDMARKER:
                continue
            case _:
                if token.start[0] != line:
                    if words:
                        yield line, " ".join(words)
                    line, words = token.start[0], [str(depth)]
                words.append(token.string)
    if words:
        yield line, " ".join(words)
