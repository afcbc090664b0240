"""Asks a quiz on a full screen with prompt_toolkit."""

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.output import Output

from grader.quiz.screen import QuizScreen
from grader.quiz.session import EndReason, QuizSession
from grader.show.symbols import writable

STYLES = {"command": "", "": "", "bold": "bold", "dim": "dim", "red": "fg:ansired", "green": "fg:ansigreen"}
KEYS = {
    "up": "up",
    "down": "down",
    "left": "left",
    "right": "right",
    "pageup": "pageup",
    "pagedown": "pagedown",
    "enter": "enter",
    " ": "space",
    "backspace": "backspace",
    "c-u": "clear",
}


def ask_in_terminal(session: QuizSession, source: Input | None = None, sink: Output | None = None) -> EndReason:
    """Ask all questions, or until the student stops with q and Enter, Ctrl-C or Ctrl-D."""
    screen = QuizScreen(session)
    if screen.end_reason:
        return screen.end_reason
    application: Application[None] = Application(
        layout=Layout(_window(screen)),
        key_bindings=_bindings(screen),
        full_screen=True,
        input=source,
        output=sink,
    )
    try:
        application.run()
    except EOFError:  # the terminal was closed
        screen.stop()
    return screen.end_reason or EndReason.STOPPED


def _window(screen: QuizScreen) -> Window:
    def text() -> StyleAndTextTuples:
        size, encoding = get_app().output.get_size(), get_app().output.encoding()
        found: StyleAndTextTuples = []
        for each in screen.view(size.columns, size.rows):
            found += [(STYLES[span.style], writable(span.text, encoding)) for span in each]
            found.append(("", "\n"))
        return found[:-1]

    return Window(FormattedTextControl(text, focusable=True), wrap_lines=False, always_hide_cursor=True)


def _bindings(screen: QuizScreen) -> KeyBindings:
    bindings = KeyBindings()

    def press(event: KeyPressEvent, key: str) -> None:
        screen.press(key)
        if screen.end_reason is not None:
            event.app.exit()

    for pressed, name in KEYS.items():
        bindings.add(pressed)(lambda event, name=name: press(event, name))

    @bindings.add(Keys.Any)
    def _(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            press(event, event.data)

    @bindings.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        press(event, " ".join(event.data.split()))

    @bindings.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    @bindings.add("c-c")
    @bindings.add("c-d")
    def _(event: KeyPressEvent) -> None:
        screen.stop()
        event.app.exit()

    return bindings
