"""The terms of the glossary as questions: the definition is shown, the term is typed."""

import re

from grader.course.glossary import Term
from grader.quiz.model import TextAnswer


def card(term: Term) -> TextAnswer:
    """The question that asks for a term. Its id is the term in lower case, joined by hyphens."""
    names = [*_names(term.term), *(_names(term.uk) if term.uk else ())]
    hidden = term.definition
    for name in names:
        hidden = re.sub(rf"\b{re.escape(name)}\b", "...", hidden, flags=re.IGNORECASE)
    title = f"{term.term} ({term.uk})" if term.uk else term.term
    return TextAnswer(
        id="-".join(re.findall(r"\w+", term.term.casefold())),
        level="recall",
        section="Key terms",
        question=f"Which term is this? {hidden}",
        explanation=f"**{title}**: {term.definition}",
        source=f"glossary, lesson {term.lesson}" if term.lesson else "glossary",
        answers=tuple(names),
    )


def _names(term: str) -> list[str]:
    """`Mixture of Experts (MoE)` is also called MoE, and `router, gate` either."""
    outside = re.sub(r"\s*\([^)]*\)", "", term).strip()
    names = [*re.split(r"\s*[,/;]\s*", outside), *re.findall(r"\(([^)]+)\)", term)]
    return [name for name in names if name.strip()] or [term]
