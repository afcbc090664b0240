"""The statement of an exercise as Markdown for a notebook."""

from grader.study.notebook.statement import statement_in_notebook


def test_headings_are_two_levels_lower() -> None:
    text = "# Twice\n\nText.\n\n## What to write\n\n# \n"
    assert statement_in_notebook(text) == "### Twice\n\nText.\n\n#### What to write\n\n### \n"


def test_comments_in_code_are_no_headings() -> None:
    text = "    # indented\n\n```python\n# fenced\n```\n"
    assert statement_in_notebook(text) == text


def test_formulas_stay_tex() -> None:
    text = "A $w_i$ and\n\n$$\n\\sum_i w_i\n$$\n"
    assert statement_in_notebook(text) == text


def test_links_to_files_of_the_course_become_text() -> None:
    text = "See [rope](../rope/README.md#the-formula), [a paper](https://arxiv.org/abs/1.md) and `w[e](x)`."
    assert statement_in_notebook(text) == "See rope, [a paper](https://arxiv.org/abs/1.md) and `w[e](x)`."
