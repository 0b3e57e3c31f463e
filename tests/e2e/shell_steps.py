"""The shell blocks of a page of the guide, and running them as a reader would."""
import os
import pathlib
import re
import signal
import subprocess

from integration.harness import REPOSITORY, environment_of, sluice_binary

GUIDE = REPOSITORY / "docs" / "guide"


def blocks(page: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (GUIDE / page).read_text(), re.M | re.S)


def run_shell(commands: str, folder: pathlib.Path, seconds: float, path: str = "",
              **environment: str) -> int:
    """The exit code of the first command that fails, or 0; what they print is in `out.txt`. Whatever
    they leave running ends with them. `path`: behind the usual one."""
    with open(folder / "out.txt", "wb") as out:
        shell = subprocess.Popen(
            ["bash", "-c", "set -euo pipefail\n" + commands], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=out, stderr=out, start_new_session=True,
            env=environment_of(PATH=f"{sluice_binary().parent}:{os.environ['PATH']}{path}",
                               XDG_CONFIG_HOME=str(folder / "config"), **environment))
        try:
            return shell.wait(seconds)
        finally:
            try:
                os.killpg(shell.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
