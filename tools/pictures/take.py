#!/usr/bin/env python3
"""The pictures of the guide: `./dev docs pictures`, see README.md."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration.harness import environment_of  # noqa: E402
from scene import Scene  # noqa: E402

PICTURES = ROOT / "docs/guide/pictures"


def take(scene: Scene, names: list[str], png: str) -> int:
    account = scene.server.administrator
    given = {"user": account.name, "password": account.password, "into": str(PICTURES),
             "names": names, "png": png, "kafka": scene.kafka.bootstrap,
             "ws": f"ws://127.0.0.1:{scene.ports['ws']}/mqtt"}
    return subprocess.run(
        ["node", "e2e/run.mjs", "pictures", scene.server.url + "/", json.dumps(given),
         tempfile.gettempdir()],
        cwd=ROOT / "console", check=False, stdin=subprocess.DEVNULL,
        env=environment_of(TZ="UTC")).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only those whose names begin so")
    parser.add_argument("--png", default="", help="a folder for PNG files, too")
    given = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    png = os.path.abspath(given.png) if given.png else ""
    if png:
        os.makedirs(png, exist_ok=True)
    # A name that is the same in each run: the settings page shows paths.
    directory = pathlib.Path(tempfile.gettempdir()) / "sluice-pictures"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    scene = Scene(directory)
    try:
        scene.start()
        code = take(scene, given.names, png)
    finally:
        scene.stop()
        shutil.rmtree(directory, ignore_errors=True)
    size = sum(file.stat().st_size for file in PICTURES.glob("*.webp"))
    print(f"{len(list(PICTURES.glob('*.webp')))} pictures, {size / 1e6:.1f} MB")
    return code


if __name__ == "__main__":
    sys.exit(main())
