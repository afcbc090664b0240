"""grade warm: show or stop the process that is kept so that the next grading need not import torch."""

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
@click.option("--stop", is_flag=True, help="Stop the process.")
def command(stop: bool) -> None:
    """Show the process that keeps running after a grading: its age, its memory, and when it exits.

    The first grading leaves a process running that has imported torch, so that the next one starts immediately. It
    contains nothing of a course or of your code. Set ARCHGRADE_WARM=0 in the environment to disable it.
    """
    screens = [(_stop if stop else _describe)(connection) for connection in resident.connect_to_all()]
    if not screens:
        screens = [["  No warm process is running.", *([] if stop else ["", *_reason()])]]
    elif not stop:
        screens.append([step("end", "grade warm --stop")])
    for lines in screens:
        say("", *lines)


def _reason() -> list[str]:
    variable = resident.disabled_by()
    if variable is None:
        return prose("The next grade exercise starts one and leaves it running.", 2)
    return prose(f"None is started, because {variable} is set to {os.environ[variable]!r} in the environment.", 2)


def _describe(connection: socket.socket) -> list[str]:
    pid, _ = resident.peer_credentials(connection)
    about = resident.get_status(connection)
    if about is None:
        return [f"  {bold('warm')}   process {pid} does not answer"]
    rows = {
        "since": f"{about.since.astimezone():%H:%M}, {_ago(about.since)}",
        "memory": f"{about.memory / _MIB:.0f} MiB",
        "judges": f"{about.judges} running" if about.judges else "none running",
        "exits": f"after {resident.IDLE_TIMEOUT / 60:.0f} minutes without a grading",
    }
    head = f"  {bold('warm')}   torch {about.torch} on Python {about.python}, process {pid}"
    return [head, "", *(f"    {dim(f'{name:<6}')}   {value}" for name, value in rows.items())]


def _ago(moment: datetime) -> str:
    minutes = (datetime.now(UTC) - moment) // timedelta(minutes=1)
    if minutes < 1:
        return "less than a minute ago"
    amount, unit = (minutes, "minute") if minutes < 60 else (minutes // 60, "hour")
    return f"{amount} {unit}{'s' if amount > 1 else ''} ago"


def _stop(connection: socket.socket) -> list[str]:
    """Ask a warm process to exit, and kill it if it does not."""
    pid, _ = resident.peer_credentials(connection)
    connection.settimeout(resident.RESPONSE_TIMEOUT)
    try:
        connection.send(encode(Stop()))
        connection.recv(1)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        return [f"  Process {pid} did not answer and was killed."]
    except ConnectionError:
        pass  # it has exited
    return [f"  Process {pid} has exited."]
