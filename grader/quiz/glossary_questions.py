"""Questions about the terms of the glossary: the definition is shown, the term is typed."""

import re

from grader.course.glossary import Term
from grader.quiz.model import TextAnswer


def glossary_question(term: Term) -> TextAnswer:
    """Return the question that asks for a term, in English or Ukrainian. Its id is the term joined by hyphens."""
    definition = term.definition
    for name in term.names:
        definition = re.sub(rf"\b{re.escape(name)}\b", "...", definition, flags=re.IGNORECASE)
    title = f"{term.term} ({term.uk})" if term.uk else term.term
    return TextAnswer(
        id="-".join(re.findall(r"\w+", term.term.casefold())),
        level="recall",
        section="Key terms",
        question=f"Which term is this? {definition}",
        explanation=f"**{title}**: {term.definition}",
        source=f"glossary, lesson {term.lesson}",
        answers=term.names,
    )
