"""A file system in a file, mounted, whose power can be cut. Needs root, mount and xfsprogs."""
import os
import pathlib
import shutil
import subprocess

SIZE = 2 << 30
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {(done.stdout + done.stderr).strip()}")


def demand_mounting(directory, kinds):
    """Ends the program with what is missing: without cuts there is no evidence of a power cut."""
    tools = ["mount", "umount", "xfs_io", *(MAKE[kind][0] for kind in kinds)]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"missing {', '.join(missing)}: ./dev setup test installs xfsprogs")
    if os.geteuid() != 0:
        raise SystemExit("a power cut needs a file system of its own: run this as root")
    try:
        for kind in kinds:
            Disk(kind, directory).end()
    except RuntimeError as error:
        raise SystemExit(f"no file system can be mounted here: {error}") from error


class Disk:
    """Made and mounted at once; `cut_and_kill` is the power cut, `remount` the machine that comes
    back. What was not synced is gone then, as far as a file system's own shutdown shows it."""

    def __init__(self, kind, directory: pathlib.Path):
        self.image, self.mount = directory / f"{kind}.img", directory / f"{kind}.mounted"
        self.mount.mkdir(parents=True, exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(SIZE)  # takes space for what is written alone
        run(*MAKE[kind], self.image)
        self._attach()

    def _attach(self):
        run("mount", "-o", "loop", self.image, self.mount)

    def cut_and_kill(self, pid):
        """Not even the file system's own log is written: no -f. The process dies with the disk, so
        it cannot acknowledge from memory what the disk no longer takes."""
        subprocess.run(["sh", "-c", f"xfs_io -x -c shutdown '{self.mount}'; kill -9 {pid}"],
                       check=True, timeout=60)

    def remount(self):
        run("umount", self.mount)
        self._attach()

    def end(self):
        subprocess.run(["umount", "-l", self.mount], check=False, capture_output=True)
        self.image.unlink(missing_ok=True)
        self.mount.rmdir()
