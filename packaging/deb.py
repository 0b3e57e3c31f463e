#!/usr/bin/env python3
"""Makes sluice_VERSION_ARCH.deb from a release build: `./dev package` runs it.

dpkg-deb packs a folder that is laid out here: one program, its pages, a unit. There is no source
package and no debhelper (docs/adr/0053-package.md). The same input makes the same bytes.
"""
import argparse
import email.utils
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SCRIPTS = ("postinst", "prerm", "postrm")
CONFFILE = "etc/sluice/sluice.yaml"


def output(*command, **options) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def write(root: pathlib.Path, name: str, content: str | bytes, mode: int = 0o644) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), 9, mtime=0)


def settings_of(binary: str) -> str:
    """The declared defaults, but for what a service needs otherwise."""
    text = output(binary, "reference", "settings-file")
    for old, new in (("\n#data: ./data\n", "\ndata: /var/lib/sluice\n"),):
        assert text.count(old) == 1, f"{old!r} is not in `sluice reference settings-file`"
        text = text.replace(old, new)
    return text


def library_packages(binary: pathlib.Path) -> str:
    """The Debian packages, with versions, that the program's libraries come from."""
    with tempfile.TemporaryDirectory() as folder:
        write(pathlib.Path(folder), "debian/control",
              "Source: sluice\n\nPackage: sluice\nArchitecture: any\n")
        said = output("dpkg-shlibdeps", "-O", "-e", str(binary), cwd=folder,
                      stderr=subprocess.DEVNULL)
    return said.strip().removeprefix("shlibs:Depends=")


def commit_time() -> int:
    """The time of all files: that of the commit, or none, so that nothing depends on when it is made."""
    commit = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip()
    return int(os.environ.get("SOURCE_DATE_EPOCH") or commit or 0)


def debian_changelog(version: str) -> str:
    maintainer = re.search("^Maintainer: (.*)$", (HERE / "debian/control.in").read_text(), re.M)[1]
    return (f"sluice ({version}) unstable; urgency=medium\n\n"
            "  * What is new stands in changelog.gz.\n\n"
            f" -- {maintainer}  {email.utils.formatdate(commit_time())}\n")


def lay_out(root: pathlib.Path, binary: str, version: str) -> None:
    program = root / "usr/bin/sluice"
    program.parent.mkdir(parents=True)
    subprocess.run(["strip", "--strip-unneeded", "--remove-section=.comment",
                    "-o", program, binary], check=True)
    program.chmod(0o755)

    write(root, CONFFILE, settings_of(binary), 0o640)
    unit = (HERE / "systemd/sluice.service").read_text()
    write(root, "lib/systemd/system/sluice.service", unit)
    write(root, "usr/share/man/man1/sluice.1.gz", zipped(output(binary, "reference", "man")))
    write(root, "usr/share/man/man5/sluice.yaml.5.gz",
          zipped(output(binary, "reference", "man-settings")))
    for shell, place in (("bash", "bash-completion/completions/sluice"),
                         ("zsh", "zsh/vendor-completions/_sluice"),
                         ("fish", "fish/vendor_completions.d/sluice.fish")):
        write(root, f"usr/share/{place}", output(binary, "completion", shell))
    write(root, "usr/share/sluice/grafana/sluice.json",
          (HERE / "grafana/sluice.json").read_text())
    write(root, "usr/share/sluice/prometheus/sluice.rules.yml",
          (HERE / "prometheus/sluice.rules.yml").read_text())

    doc = "usr/share/doc/sluice"
    for name in ("copyright", "README.Debian"):
        write(root, f"{doc}/{name}", (HERE / "debian" / name).read_text())
    write(root, f"{doc}/changelog.gz", zipped((ROOT / "CHANGELOG.md").read_text()))
    write(root, f"{doc}/changelog.Debian.gz", zipped(debian_changelog(version)))
    write(root, "usr/share/lintian/overrides/sluice",
          (HERE / "debian/lintian-overrides").read_text())
    write(root, f"{doc}/sbom.spdx.json",
          output(sys.executable, str(ROOT / "tools/sbom.py"), "--binary", str(program)))


def add_control(root: pathlib.Path, version: str) -> None:
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    values = {"VERSION": version, "ARCHITECTURE": output("dpkg", "--print-architecture").strip(),
              "SIZE": str(size // 1024 + 1), "DEPENDS": library_packages(root / "usr/bin/sluice")}
    control = (HERE / "debian/control.in").read_text()
    write(root, "DEBIAN/control", re.sub(r"@(\w+)@", lambda found: values[found[1]], control))
    write(root, "DEBIAN/conffiles", f"/{CONFFILE}\n")
    sums = ""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith("DEBIAN/") and name != CONFFILE:
            sums += f"{hashlib.md5(path.read_bytes()).hexdigest()}  {name}\n"
    write(root, "DEBIAN/md5sums", sums)
    for name in SCRIPTS:
        write(root, f"DEBIAN/{name}", (HERE / "debian" / name).read_text(), 0o755)


def build(binary: str, into: pathlib.Path, revision: str) -> pathlib.Path:
    os.umask(0o022)
    version = output(binary, "--version").split()[1] + "-" + revision
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(commit_time())}
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "sluice"
        lay_out(root, binary, version)
        add_control(root, version)
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
        architecture = output("dpkg", "--print-architecture").strip()
        package = into / f"sluice_{version}_{architecture}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, package],
                       check=True, env=environment, stdout=subprocess.DEVNULL)
    return package


def main() -> None:
    parser = argparse.ArgumentParser(description="A Debian package of a release build.")
    parser.add_argument("--binary", default=str(ROOT / "build/release/sluice"))
    parser.add_argument("--into", type=pathlib.Path, default=ROOT / "build/package")
    parser.add_argument("--revision", default="1", help="of the package, behind the version")
    given = parser.parse_args()
    if shutil.which("dpkg-shlibdeps") is None:
        sys.exit("deb.py: there is no dpkg-shlibdeps: apt-get install dpkg-dev")
    print(build(os.path.abspath(given.binary), given.into, given.revision))


if __name__ == "__main__":
    main()
