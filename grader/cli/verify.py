"""grade verify: whether what was signed is as it was."""

import shlex
from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.text import clean_line
from grader.cli.screen import bold, dim, prose, say, step
from grader.course.document import shown
from grader.show.marks import FAILED, PASSED

CHANGED = 1


@click.command("verify")
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--key", metavar="PUBLIC", type=click.Path(path_type=Path), help="The public key of who signed.")
@click.option("--new-key", metavar="FILE", type=click.Path(path_type=Path), help="Make a pair: FILE and FILE.pub.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], key: Path | None, new_key: Path | None) -> None:
    """Whether files are as they were signed by grade batch --sign: certificates, exports, or a whole folder of results.

    Exits with 0 if all are, 1 if one was changed, is missing, is not signed or is signed with another key, and 2 for
    bad input (docs/signatures.md).
    """
    from grader.teach.signing.keys import PUBLIC, load_public, new_pair
    from grader.teach.signing.verify import findings

    if new_key is not None:
        if paths or key is not None:
            raise UsageError("--new-key makes a pair of keys and verifies nothing; give it alone.")
        pair = new_pair(new_key)
        public = new_key.with_name(new_key.name + PUBLIC)
        say("", f"  {bold('a new pair of keys')}   {pair.fingerprint}", "")
        say(*prose(f"{shown(new_key)} is private: it signs, and nobody else may have it.", indent=2))
        say(*prose(f"{shown(public)} is public: whoever has it can verify what you sign.", indent=2), "")
        say(step("sign", f"grade batch SUBMISSIONS --sign {shlex.quote(shown(new_key))}"))
        say(step("verify", f"grade verify results --key {shlex.quote(shown(public))}"))
        return
    if not paths or key is None:
        raise UsageError("Name what to verify, and the public key of who signed it: grade verify PATH --key KEY.pub")
    public_key = load_public(key)
    found = [each for path in paths for each in findings(path, public_key)]
    say("")
    for each in found:
        mark = click.style(PASSED, fg="green") if each.problem is None else click.style(FAILED, fg="red")
        say(f"  {mark} {clean_line(shown(each.path))} {clean_line(each.problem or '')}".rstrip())
        if each.states:
            say(*prose(each.states, indent=4))
    say("", f"  {dim('key')}   {public_key.fingerprint}")
    ctx.exit(CHANGED if any(each.problem for each in found) else 0)
