"""A minimal Debian in a folder, made of the packages that are installed on this machine.

It holds the essential packages and what a package depends on, and nothing else: a library that the
package forgot to name is not there. debootstrap would do the same from the network, for a minute and
more; this takes seconds and no network (docs/adr/0053-package.md).
"""
import os
import pathlib
import re
import shutil
import stat
import subprocess

FIELDS = "${Package}\\t${Essential}\\t${Pre-Depends}, ${Depends}\\t${Provides}\\n"
# What those who install packages have besides the essential ones.
BASE = ("passwd", "init-system-helpers")


def installed():
    """name -> (essential, [[alternatives of each dependency]]), and name -> who provides it."""
    packages, providers = {}, {}
    listed = subprocess.run(["dpkg-query", "-W", "-f", FIELDS], check=True, text=True,
                            capture_output=True).stdout
    for line in listed.splitlines():
        name, essential, depends, provides = line.split("\t")
        packages[name] = (essential == "yes", names_in(depends))
        for alternatives in names_in(provides):
            providers.setdefault(alternatives[0], name)
    return packages, providers


def names_in(field):
    return [[re.split(r"[ (:]", one.strip())[0] for one in part.split("|")]
            for part in field.split(",") if part.strip()]


def closure(depends):
    """Names of the packages that a package with this Depends needs, all the way down."""
    packages, providers = installed()
    wanted = [[name] for name, (essential, _) in packages.items() if essential]
    wanted += [[name] for name in BASE] + names_in(depends)
    found = set()
    while wanted:
        alternatives = wanted.pop()
        here = [providers.get(name, name) if name not in packages else name for name in alternatives]
        here = [name for name in here if name in packages]
        assert here, f"{' | '.join(alternatives)} is not installed here"
        if here[0] not in found:
            found.add(here[0])
            wanted += packages[here[0]][1]
    return sorted(found)


class CleanRoot:
    def __init__(self, root: pathlib.Path, depends: str):
        self.root = root
        self.packages = closure(depends)
        self._copy_files()
        self._write_dpkg_database()
        self._make_accounts()
        self._make_devices()

    def _copy_files(self):
        for name in ("bin", "sbin", "lib", "lib64", "lib32"):
            if (link := pathlib.Path("/", name)).is_symlink():
                (self.root / "usr" / name).mkdir(parents=True, exist_ok=True)
                (self.root / name).symlink_to(os.readlink(link))
        listed = subprocess.run(["dpkg-query", "-L", *self.packages], check=True, text=True,
                                capture_output=True).stdout
        left_out = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info")
        files = [path for path in set(listed.splitlines())
                 if path.startswith("/") and not path.startswith(left_out) and os.path.lexists(path)
                 and path not in ("/bin", "/sbin", "/lib", "/lib64", "/lib32", "/.")]
        # What no package lists, because scripts of packages have made it: names like awk, and PAM's rules.
        for made, pattern in (("/etc/alternatives", "*"), ("/etc/pam.d", "common-*")):
            files += [str(path) for path in pathlib.Path(made).glob(pattern)]
        names = "\0".join(sorted(path.lstrip("/") for path in files))
        packed = subprocess.Popen(["tar", "-C", "/", "--null", "--no-recursion", "-T", "-", "-c"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        unpacked = subprocess.Popen(["tar", "-C", self.root, "--keep-directory-symlink", "-xp"],
                                    stdin=packed.stdout)
        packed.stdin.write(names.encode())
        packed.stdin.close()
        assert packed.wait() == 0 and unpacked.wait() == 0
        for name in ("tmp", "run", "proc", "dev", "var/lib", "root"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "tmp").chmod(0o1777)

    def _write_dpkg_database(self):
        database = self.root / "var/lib/dpkg"
        for name in ("info", "updates", "triggers", "alternatives"):
            (database / name).mkdir(parents=True, exist_ok=True)
        status = subprocess.run(["dpkg-query", "-s", *self.packages], check=True, text=True,
                                capture_output=True).stdout
        (database / "status").write_text(status)
        for path in pathlib.Path("/var/lib/dpkg/info").iterdir():
            if path.name.split(":")[0].rsplit(".", 1)[0] in self.packages or \
                    path.name.split(":")[0] in self.packages:
                shutil.copy(path, database / "info" / path.name)
        for path in pathlib.Path("/var/lib/dpkg").glob("info/format"):
            shutil.copy(path, database / "info/format")

    def _make_accounts(self):
        for name in ("passwd", "group"):
            shutil.copy(f"/usr/share/base-passwd/{name}.master", self.root / "etc" / name)
        self.run("pwconv")
        self.run("grpconv")

    def _make_devices(self):
        for name, number in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            path = self.root / "dev" / name
            if not path.exists():
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, number))
                path.chmod(0o666)
        # As the unit has it: ProcSubset=pid.
        subprocess.run(["mount", "-t", "proc", "-o", "subset=pid", "proc", self.root / "proc"],
                       check=True)

    def close(self):
        subprocess.run(["umount", "-l", self.root / "proc"], check=False)

    def path(self, name: str) -> pathlib.Path:
        return self.root / name.lstrip("/")

    def run(self, *command, user=None, check=True, text=None, environment=None):
        """A command in it, with its output; `user` instead of root."""
        options = [f"--userspec={user}:{user}"] if user else []
        done = subprocess.run(
            ["/usr/sbin/chroot", *options, self.root, *command], text=True, capture_output=True, timeout=120,
            input=text, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                             "DEBIAN_FRONTEND": "noninteractive", **(environment or {})})
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done
