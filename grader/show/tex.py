r"""Converts TeX to text: `\frac{q k^\top}{\sqrt{K}}` becomes (q kᵀ) / √K."""

import re
import unicodedata
from functools import cache
from typing import Any

from pylatexenc import latex2text, latexwalker
from pylatexenc.latex2text import EnvironmentTextSpec, LatexNodes2Text, MacroTextSpec, SpecialsTextSpec
from pylatexenc.macrospec import MacroStandardArgsParser, SpecialsSpec, std_macro

from grader.show.symbols import in_ascii

_UP = dict(zip("0123456789+−=()abdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW⊤′",
               "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵀ′", strict=True))  # fmt: skip
_DOWN = dict(zip("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))

_RELATIONS = "=≠≤≥<>≈≡∼∝∈∉⊂⊆→←⇒↦∣×·∘⊙⊗⊕±"
_FUNCTIONS = ("log", "ln", "exp", "max", "min", "argmax", "sin", "cos", "tanh", "lim")
_CLOSE = "\u2060"  # after a relation in a script, to suppress the spaces around it
_NEXT_CELL = "\x1f"
_LINE, _HAT, _TILDE, _DOT = "\u0304", "\u0302", "\u0303", "\u0307"  # combining: above the letter before them
_ACCENTS = {"bar": _LINE, "overline": _LINE, "hat": _HAT, "widehat": _HAT, "tilde": _TILDE, "dot": _DOT}
_PLAIN = ("mathbf", "boldsymbol", "mathrm", "mathsf", "mathit", "mathtt")
_ROWS = ("aligned", "align", "align*", "gathered")
_SYMBOLS = {
    "ne": "≠", "neq": "≠", "mid": "∣", "top": "⊤", "prime": "′", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|",
    "dots": "…", "ldots": "…", "cdots": "⋯", "quad": "   ", "qquad": "      ", ",": " ", ";": " ", ":": " ", "!": "",
    "left.": "", "right.": "", "left": "", "right": "", "bigl": "", "bigr": "", "Bigl": "", "Bigr": "", "limits": "",
    "|": "‖", "colon": ":",
}  # fmt: skip


def tex_to_text(tex: str) -> str:
    """Convert a formula to text, on one line unless it has several rows. Malformed TeX and unknown macros stay TeX."""
    one_line = tex.replace("\n", " ")  # in TeX, the end of a line is a space
    walker = latexwalker.LatexWalker(rf"\({one_line}\)", latex_context=_grammar(), tolerant_parsing=False)
    try:
        nodes, _, _ = walker.get_latex_nodes()
    except latexwalker.LatexWalkerParseError:
        return tex.strip()
    text = unicodedata.normalize("NFC", _writer().nodelist_to_text(nodes))
    return "\n".join(filter(None, map(_spaced, text.split("\n"))))


def tex_to_ascii(tex: str) -> str:
    """Convert a formula to ASCII, as `tex_to_text` does to text; one with a symbol that has no name there stays TeX."""
    text = in_ascii(unicodedata.normalize("NFD", tex_to_text(tex)))
    return text if text.isascii() else tex.strip()


def _spaced(text: str) -> str:
    """Put spaces around relations and between factors, remove those inside brackets, and write minus signs."""
    text = re.sub(r"(?<![A-Za-z])-|-(?![A-Za-z])", "−", text)
    text = re.sub(r"(?<=[^\s(\[{]) ?([+−]) (?=\S)", r" \1 ", text)
    text = re.sub(r"ᵀ(?=\w)", "ᵀ ", text)
    text = re.sub(rf"(?<=[α-ωΑ-Ω)∑∏∇])(?=({'|'.join(_FUNCTIONS)})\b)", " ", text)
    text = re.sub(r"(?<=\S)/ ", " / ", text)
    text = re.sub(rf"\s*([{_RELATIONS}])(?!{_CLOSE})\s*", r" \1 ", text)
    text = re.sub(rf"\b({'|'.join(_FUNCTIONS)}) +(?=[(\[{{¹²³⁰-ₜᵢ-ᵥⱼ^_])", r"\1", text)
    text = re.sub(r"([(\[{⌊⌈⟨]) +", r"\1", text)
    text = re.sub(r" +([)\]},;⌋⌉⟩])", r"\1", text)
    return re.sub(r"(?<=\S) {2}(?=\S)", " ", text).replace(_CLOSE, "").strip()


@cache
def _grammar() -> Any:
    """Return the arguments of each macro; `_` and `^` take one too."""
    one = MacroStandardArgsParser("{")
    grammar = latexwalker.get_default_latex_context_db()
    grammar.add_context_category(
        "course",
        macros=[std_macro("operatorname", "*{"), std_macro("tfrac", False, 2), std_macro("dfrac", False, 2),
                std_macro("binom", False, 2), std_macro("boldsymbol", False, 1), std_macro("overline", False, 1)],
        specials=[SpecialsSpec("_", args_parser=one), SpecialsSpec("^", args_parser=one)],
        prepend=True,
    )  # fmt: skip
    return grammar


@cache
def _writer() -> LatexNodes2Text:
    """Return the converter with the text of each macro."""
    texts = latex2text.get_default_latex_context_db()
    fraction = [MacroTextSpec(name, simplify_repl=_fraction) for name in ("frac", "tfrac", "dfrac")]
    accents = [MacroTextSpec(name, simplify_repl=_accent) for name in _ACCENTS]
    plain = [MacroTextSpec(name, simplify_repl="%s") for name in _PLAIN]
    symbols = [MacroTextSpec(name, simplify_repl=text) for name, text in _SYMBOLS.items()]
    symbols += [MacroTextSpec(name, simplify_repl=f"{name} ") for name in _FUNCTIONS]
    texts.add_context_category(
        "course",
        macros=[*fraction, *accents, *plain, *symbols,
                MacroTextSpec("operatorname", simplify_repl="%(2)s"),
                MacroTextSpec("binom", simplify_repl="(%s choose %s)"),
                MacroTextSpec("sqrt", simplify_repl=_root)],
        environments=[EnvironmentTextSpec("cases", simplify_repl=_cases),
                      *(EnvironmentTextSpec(name, simplify_repl=_rows) for name in _ROWS)],
        specials=[SpecialsTextSpec("&", _NEXT_CELL),
                  *(SpecialsTextSpec(sign, simplify_repl=_script) for sign in "_^")],
        prepend=True,
    )  # fmt: skip
    texts.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=lambda node: rf"\{node.macroname} "))
    return LatexNodes2Text(latex_context=texts, math_mode="text", strict_latex_spaces=True)


def _arguments(node: Any, l2tobj: LatexNodes2Text) -> list[str]:
    return [l2tobj.nodelist_to_text([each]).strip() if each else "" for each in node.nodeargd.argnlist]


def _script(node: Any, l2tobj: LatexNodes2Text) -> str:
    """Convert a sub- or superscript, to Unicode letters if all of it has such."""
    (text,) = _arguments(node, l2tobj)
    down = node.specials_chars == "_"
    small = _DOWN if down else _UP
    letters = re.sub(r"(?<!\w) | (?!\w)", "", text).replace("-", "−").replace("'", "′")
    if letters and all(letter in small for letter in letters):
        return "".join(small[letter] for letter in letters)
    close = re.sub(rf"\s*([{_RELATIONS}])\s*", rf"\1{_CLOSE}", text)
    return ("_" if down else "^") + _grouped(close, r"\w|[A-Za-z0-9]+|[∞*]")


def _fraction(node: Any, l2tobj: LatexNodes2Text) -> str:
    above, below = _arguments(node, l2tobj)
    if above.isdigit() and below.isdigit():
        return f"{above}/{below}"
    return f"{_factor(above)} / {_factor(below)}"


def _root(node: Any, l2tobj: LatexNodes2Text) -> str:
    degree, text = _arguments(node, l2tobj)
    sign = {"": "√", "3": "∛", "4": "∜"}.get(degree) or f"{degree}√"
    return sign + _grouped(text, r"\w[₀-ₜᵢ-ᵥⱼ]*|\d+")


def _accent(node: Any, l2tobj: LatexNodes2Text) -> str:
    text = _arguments(node, l2tobj)[-1]
    mark = _ACCENTS[node.macroname]
    return text[:1] + mark + text[1:] if len(text) == 1 else "".join(letter + mark for letter in text)


def _rows(node: Any, l2tobj: LatexNodes2Text) -> str:
    """Convert an aligned environment to one line per row."""
    return "\n".join("".join(cells) for cells in _table(node, l2tobj))


def _cases(node: Any, l2tobj: LatexNodes2Text) -> str:
    return "{" + "; ".join(", ".join(filter(None, map(str.strip, cells))) for cells in _table(node, l2tobj)) + "}"


def _table(node: Any, l2tobj: LatexNodes2Text) -> list[list[str]]:
    """Return the cells of each row."""
    text = l2tobj.nodelist_to_text(node.nodelist)
    rows = (row for row in text.split("\n") if row.strip())
    return [[" ".join(cell.split()) + " " for cell in row.split(_NEXT_CELL)] for row in rows]


def _factor(text: str) -> str:
    """Parenthesize a text with several terms."""
    return _grouped(text, r"[^\s+\-−/·×=]+|\w*\([^()]*\)")


def _grouped(text: str, alone: str) -> str:
    return text if re.fullmatch(alone, text) else f"({text})"
