"""`sluice completion`: what the scripts offer, in the shells themselves where they are installed."""
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from integration.harness import environment_of, sluice_binary

ASK = """
source <("$1" completion bash)
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_sluice
printf '%s\\n' "${COMPREPLY[@]}"
complete -p sluice >&2
"""


def offered(*words, cwd=None):
    """What bash offers for the last word."""
    done = subprocess.run(["bash", "-c", ASK, "bash", str(sluice_binary()), "sluice", *words],
                          capture_output=True, text=True, timeout=60, check=True, cwd=cwd,
                          env=environment_of())
    assert done.stderr == "complete -F _sluice sluice\n"
    return set(done.stdout.split("\n")) - {""}


def script(shell):
    return subprocess.run([str(sluice_binary()), "completion", shell], capture_output=True,
                          text=True, timeout=60, check=True, env=environment_of()).stdout


def subcommands(*path):
    """As --help lists them: the same declaration, in other words."""
    shown = subprocess.run([str(sluice_binary()), *path, "--help"], capture_output=True, text=True,
                           timeout=60, check=True, env=environment_of()).stdout
    lines = shown.partition("Subcommands:\n")[2].splitlines()
    return {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "}


def test_bash_offers_every_command_that_help_lists():
    nouns = offered("")
    assert nouns == subcommands() and {"serve", "doctor", "task"} <= nouns
    for noun in nouns:
        verbs = subcommands(noun)
        if verbs:
            assert offered(noun, "") == verbs, noun


@pytest.mark.parametrize("words, expected", [
    (["pol"], {"policy"}),
    (["policy", "te"], {"test"}),
    (["policy", "test", "p"], {"publish"}),
    (["policy", "test", "publish", "a", "--cl"], {"--client-id"}),
    (["policy", "list", "-o", ""], {"table", "json"}),
    (["policy", "list", "--output", "=", "j"], {"json"}),
    (["policy", "list", "--output", "="], {"table", "json"}),
    (["subscription", "list", "meter-1", "--to"], {"--topic"}),
    (["task", "list", "--sort", "la"], {"lag_messages"}),
    (["user", "list", "--con"], {"--contains"}),
    (["user", "list", "--so"], set()),
    (["completion", ""], {"bash", "zsh", "fish"}),
    (["nonsense", ""], None),  # the first word can still be mended
    (["message", "list", "--order", ""], set()),
])
def test_bash_offers_what_fits(words, expected):
    assert offered(*words) == (subcommands() if expected is None else expected)


def test_bash_offers_files_and_directories(tmp_path):
    (tmp_path / "a policy.json").touch()
    (tmp_path / "a folder").mkdir()
    assert offered("policy", "create", "-f", "a", cwd=tmp_path) == {"a policy.json", "a folder"}
    assert offered("serve", "--data", "a", cwd=tmp_path) == {"a folder"}
    assert offered("serve", "--data", "=", "a", cwd=tmp_path) == {"a folder"}


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]),
                                          ("fish", ["fish", "--no-execute"])])
def test_the_scripts_are_well_formed(shell, check, tmp_path):
    text = script(shell)
    for word in ("dead-letters", "--no-verify", "doctor"):
        assert word.lstrip("-") in text
    if shutil.which(check[0]) is None:
        return  # its words are looked at, its syntax where the shell is installed
    file = tmp_path / "script"
    file.write_text(text)
    done = subprocess.run([*check, str(file)], capture_output=True, text=True, timeout=60,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_shells_that_are_not_known_are_refused():
    done = subprocess.run([str(sluice_binary()), "completion", "tcsh"], capture_output=True,
                          text=True, timeout=60, check=False, env=environment_of())
    assert done.returncode == 2 and "bash" in done.stderr


FISH = """
source $argv[1]
complete -C $argv[2]
"""


def offered_by_fish(line, tmp_path):
    file = tmp_path / "sluice.fish"
    file.write_text(script("fish"))
    done = subprocess.run(["fish", "--no-config", "-c", FISH, str(file), line], capture_output=True,
                          text=True, timeout=60, check=True,
                          env=environment_of(HOME=str(tmp_path)))
    assert done.stderr == ""
    return {entry.split("\t")[0] for entry in done.stdout.splitlines()}


ZSHRC = """
unsetopt beep list_beep
autoload -Uz compinit
compinit -u -D
source {script}
show() {{ print -r -- "[<$BUFFER>]" }}
zle -N show
bindkey '^T' show
"""


def completed_by_zsh(typed, tmp_path, seconds=60):
    """What stands in the line once a tab was typed behind this, in a zsh on a terminal of its own."""
    file = tmp_path / "_sluice"
    file.write_text(script("zsh"))
    (tmp_path / ".zshrc").write_text(ZSHRC.format(script=file))
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "--no-global-rcs", "-i"],
                   environment_of(ZDOTDIR=str(tmp_path), HOME=str(tmp_path), TERM="xterm"))
    seen, end = "", time.monotonic() + seconds
    try:
        os.write(terminal, typed.encode() + b"\t\x14")
        while ">]" not in seen:
            assert time.monotonic() < end, seen
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536).decode(errors="replace")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
    return seen.partition("[<")[2].partition(">]")[0]


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
def test_fish_offers_what_fits(tmp_path):
    def offers(line):
        return offered_by_fish(line, tmp_path)

    assert subcommands() <= offers("sluice ")
    assert offers("sluice pol") == {"policy"}
    assert offers("sluice policy te") == {"test"}
    assert offers("sluice policy test p") == {"publish"}
    assert "--client-id" in offers("sluice policy test publish a --cl")
    assert offers("sluice policy list -o ") == {"table", "json"}
    assert offers("sluice completion ") == {"bash", "zsh", "fish"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
@pytest.mark.parametrize("typed, line", [
    ("sluice pol", "sluice policy "), ("sluice policy te", "sluice policy test "),
    ("sluice policy test publ", "sluice policy test publish "),
    ("sluice policy test publish a --cl", "sluice policy test publish a --client-id "),
    ("sluice policy list -o js", "sluice policy list -o json "),
])
def test_zsh_completes_what_fits(typed, line, tmp_path):
    assert completed_by_zsh(typed, tmp_path) == line
