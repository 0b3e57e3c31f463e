"""`sluice reference man`, `man-settings` and `settings-file`: complete, and what man and YAML take."""
import json
import re
import subprocess

import pytest

from integration.harness import environment_of, sluice_binary


def run(*arguments):
    return subprocess.run([str(sluice_binary()), *map(str, arguments)], check=True, text=True,
                          capture_output=True, timeout=60, env=environment_of()).stdout


@pytest.mark.parametrize("name", ["man", "man-settings"])
def test_mandoc_has_nothing_to_say_about_a_page(name, tmp_path):
    page = tmp_path / name
    page.write_text(run("reference", name))

    linted = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], text=True, capture_output=True)
    shown = subprocess.run(["mandoc", "-Tascii", page], check=True, text=True, capture_output=True)

    # A date would make another page of the same program.
    said = [line for line in linted.stdout.splitlines() if "missing date" not in line]
    assert not said, "\n".join(said)
    assert len(shown.stdout.splitlines()) > 100


def test_mandoc_would_say_something(tmp_path):
    page = tmp_path / "broken.1"
    page.write_text(run("reference", "man").replace(".SH NAME", ".SH NAME\n.XY unknown\n.RS", 1))
    linted = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], text=True, capture_output=True)
    assert "unknown macro" in linted.stdout


def words(page):
    shown = subprocess.run(["mandoc", "-Tascii"], input=run("reference", page), check=True, text=True,
                           capture_output=True).stdout
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", shown))


def test_every_command_has_its_place_in_the_page():
    page = words("man")
    listed = run("--help").partition("Subcommands:\n")[2]
    commands = [line.split()[0] for line in listed.splitlines()
                if line.startswith("  ") and line[2] != " "]
    assert len(commands) > 20
    for command in commands:
        assert f"sluice {command} " in page, command
    for phrase in ("sluice policy test", "sluice task seek [OPTION]... NAME", "--to PLACE",
                   "-o, --output table|json", "--per-second", "SLUICE_ADMIN_PASSWORD"):
        assert phrase in page, phrase


def test_every_setting_has_its_place_in_the_page():
    page = words("man-settings")
    names = re.findall(r"^\| `([\w.]+)` \|", run("reference", "settings"), re.M)
    assert len(names) > 80
    for name in names:
        assert f" {name} " in page, name
    assert "log.level The least that is told. Can change while running. Takes one of debug, info, " \
           "warn, error; default info." in page


def effective(file):
    shown = json.loads(run("check", "-o", "json", "-c", file))
    return {item["name"]: (item["value"], item["origin"]) for item in shown["items"]}


def test_a_settings_file_with_all_comments_taken_away_is_the_defaults(tmp_path):
    text = run("reference", "settings-file")
    as_it_is, opened = tmp_path / "as-it-is.yaml", tmp_path / "opened.yaml"
    as_it_is.write_text(text)
    opened.write_text(re.sub(r"^#(?!#)", "", text, flags=re.M))

    assert all(line.startswith("#") or not line for line in text.splitlines())
    before, after = effective(as_it_is), effective(opened)
    assert {origin for _, origin in before.values()} == {"default"}
    assert {name: value for name, (value, _) in before.items()} == \
        {name: value for name, (value, _) in after.items()}
    # Of a listener the file names what differs from one to the next.
    silent = {name for name, (_, origin) in after.items() if not origin.startswith(str(opened))}
    assert all(name.startswith("listeners.") for name in silent), silent


def test_every_setting_is_named_in_the_settings_file():
    text = run("reference", "settings-file")
    for name in re.findall(r"^\| `([\w.]+)` \|", run("reference", "settings"), re.M):
        assert re.search(rf"^#+ *{name.split('.')[-1]}:", text, re.M), name
