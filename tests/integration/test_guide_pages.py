"""The pages of docs/ lead somewhere, show pictures that are there, and name what the program has."""
import pathlib
import re
import struct

import pytest

from integration.harness import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guide"
PICTURES = GUIDE / "pictures"
SIZE = (1280, 800)
MOST_BYTES = 6_000_000  # of all of them
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"),
                *REPOSITORY.glob("examples/**/*.md")])


def prose(page: pathlib.Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: pathlib.Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose(page), re.M)}


def test_links_lead_to_headings_that_are_there():
    wrong = []
    for page in PAGES:
        for target, place in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", prose(page)):
            if "://" in target:
                continue
            there = (page.parent / target).resolve() if target else page
            if there.suffix == ".md" and place not in anchors(there):
                wrong.append(f"{page.relative_to(REPOSITORY)}: {target}#{place}")
    assert not wrong, "\n".join(wrong)


def shown() -> dict[str, set[str]]:
    """Picture -> pages that show it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for tag, name in re.findall(r'<(img|source)[^>]*? src(?:set)?="([^"]+)"', page.read_text()):
            assert (page.parent / name).is_file(), f"{page.name} shows {name}, which is not there"
            found.setdefault((page.parent / name).name, set()).add(f"{tag} {page.name}")
    return found


def size_of(webp: bytes) -> tuple[int, int]:
    """By RFC 9649: of the extended form, or of a lossy picture alone."""
    assert (webp[:4], webp[8:12]) == (b"RIFF", b"WEBP")
    if webp[12:16] == b"VP8X":
        return 1 + int.from_bytes(webp[24:27], "little"), 1 + int.from_bytes(webp[27:30], "little")
    assert webp[12:16] == b"VP8 "
    width, height = struct.unpack("<HH", webp[26:30])
    return width & 0x3FFF, height & 0x3FFF


def test_every_picture_is_shown_in_its_size_and_by_its_words():
    known = shown()
    assert {file.name for file in PICTURES.iterdir()} == set(known)
    for name, where in known.items():
        data = (PICTURES / name).read_bytes()
        assert size_of(data) == SIZE, name
        is_dark = name.endswith("-dark.webp")
        assert all(place.startswith("source" if is_dark else "img") for place in where), name
    for page in PAGES:
        for tag in re.findall(r"<img[^>]*>", page.read_text()):
            assert re.search(r'alt="[^"]{2,}"', tag), f"{page.name}: {tag} says nothing to who cannot see it"
    assert sum(file.stat().st_size for file in PICTURES.iterdir()) < MOST_BYTES


def test_every_page_of_the_menu_is_in_a_picture_of_the_guide():
    pages = (REPOSITORY / "console/src/pages.tsx").read_text()
    menu = re.findall(r'path: "/([^"]*)",\s*\.\.\.page\([^\n]*\n\s*menu: ', pages)
    listed = (REPOSITORY / "console/e2e/picture_list.mjs").read_text()
    taken = re.findall(r'\{\s*name: "([^"]+)",\s*path: "([^"]*)"', listed)
    known = shown()
    pictured = {path for name, path in taken if f"{name}.webp" in known}
    assert len(menu) == pages.count("menu: {") > 20 and len(pictured) > 20
    assert [path for path in menu if path not in pictured] == []


def names_of(page: str) -> set[str]:
    """The first column of the tables of a reference page."""
    text = (REPOSITORY / "docs" / "reference" / page).read_text()
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def second_column(page: str, begin: str) -> list[str]:
    """What stands in back-quotes in the second column of the table whose head begins so."""
    text = (GUIDE / page).read_text()
    table = text[text.index(begin):].split("\n\n")[0]
    return [name for line in table.splitlines()[2:]
            for name in re.findall(r"`([^`]+)`", line.split("|")[2])]


@pytest.mark.parametrize("begin, reference, not_names", [
    ("| `mosquitto.conf` |", ("settings.md",), {"ws", "wss"}),
    ("| bridge |", ("connectors.md",), {"map.topic", "delivery.retry"}),
])
def test_what_mosquitto_has_is_mapped_to_names_that_exist(begin, reference, not_names):
    known = set().union(*map(names_of, reference))
    named = second_column("migrate-from-mosquitto.md", begin)
    assert len(named) > 8
    for name in named:
        bare = name.removeprefix("sink.").removeprefix("source.")
        assert {name, bare} & (known | not_names), f"{name} is not in {reference}"
