"""grade warm: the process that a grading leaves behind, so that the next one need not import torch."""

import os
import signal
import socket
from datetime import UTC, datetime, timedelta

import click

from grader.cli.screen import bold, dim, prose, say, step
from grader.engine.pool import resident
from grader.engine.pool.messages import Stop, encode

_MIB = 1 << 20


@click.command("warm")
@click.option("--stop", is_flag=True, help="End it.")
def command(stop: bool) -> None:
    """What is left running after a grading: since when, in how much memory, and when it ends.

    The first grading leaves a process behind that has imported torch, so that later ones start at once. It holds
    nothing of a course or of your code. With ARCHGRADE_WARM=0 in the environment none is left, and none is used.
    """
    screens = [(_ended if stop else _about)(connection) for connection in resident.connect_to_all()]
    if not screens:
        screens = [["  No warm process is running.", *([] if stop else ["", *_why()])]]
    elif not stop:
        screens.append([step("end", "grade warm --stop")])
    for lines in screens:
        say("", *lines)


def _why() -> list[str]:
    variable = resident.disabled_by()
    if variable is None:
        return prose("The next grade exercise starts one, and leaves it behind.", 2)
    return prose(f"None is left behind, because {variable} is set to {os.environ[variable]!r} in the environment.", 2)


def _about(connection: socket.socket) -> list[str]:
    pid, _ = resident.peer_credentials(connection)
    about = resident.get_status(connection)
    if about is None:
        return [f"  {bold('warm')}   process {pid} does not answer"]
    rows = {
        "since": f"{about.since.astimezone():%H:%M}, {_ago(about.since)}",
        "memory": f"{about.memory / _MIB:.0f} MiB",
        "judges": f"{about.judges} at work" if about.judges else "none at work",
        "ends": f"after {resident.IDLE_TIMEOUT / 60:.0f} minutes without a grading",
    }
    head = f"  {bold('warm')}   torch {about.torch} on Python {about.python}, process {pid}"
    return [head, "", *(f"    {dim(f'{name:<6}')}   {value}" for name, value in rows.items())]


def _ago(moment: datetime) -> str:
    minutes = (datetime.now(UTC) - moment) // timedelta(minutes=1)
    if minutes < 1:
        return "less than a minute ago"
    amount, unit = (minutes, "minute") if minutes < 60 else (minutes // 60, "hour")
    return f"{amount} {unit}{'s' if amount > 1 else ''} ago"


def _ended(connection: socket.socket) -> list[str]:
    """Has a warm process end. One that does not is killed: the connection tells that it is still there."""
    pid, _ = resident.peer_credentials(connection)
    connection.settimeout(resident.RESPONSE_TIMEOUT)
    try:
        connection.send(encode(Stop()))
        connection.recv(1)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        return [f"  Process {pid} did not answer, and was killed."]
    except ConnectionError:
        pass  # it has ended
    return [f"  Process {pid} has ended."]
