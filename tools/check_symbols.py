#!/usr/bin/env python3
"""Every `file: symbol` that docs/ names must exist, so that the walk through the code stays true.

Looked at: `path/file.cpp: Class::function` between backquotes, in docs/*.md. The path counts from
src/ (or from the root), and the last part of the symbol must be a word of that file. And
`Suite.Name` or `Instance/Suite.Name` in docs/design/*.md: a GoogleTest of tests/unit.
"""
import pathlib
import re
import sys
import tempfile

STEP = re.compile(r"`([\w./-]+\.(?:[ch]pp|py|sh)):\s*([\w:~<>]+)(?:\(\))?`")
TEST_NAMED = re.compile(r"`(?:[A-Z]\w*/)?([A-Z]\w*)\.([A-Z]\w*)`")
TEST_MADE = re.compile(r"\bTEST(?:_[FP])?\((\w+),\s*(\w+)\)")
MUST_NAME_STEPS = "life-of-a-publish.md"


def check(root: pathlib.Path) -> tuple[list[str], int]:
    problems, steps = [], 0
    for page in sorted((root / "docs").glob("*.md")):
        on_page = 0
        for number, line in enumerate(page.read_text().splitlines(), 1):
            for file, symbol in STEP.findall(line):
                on_page += 1
                path = next((p for p in (root / "src" / file, root / file) if p.is_file()), None)
                word = re.sub(r"<.*", "", symbol.rstrip(":").split("::")[-1]).lstrip("~")
                where = f"docs/{page.name}:{number}: `{file}: {symbol}`"
                if path is None:
                    problems.append(f"{where}: no such file")
                elif not re.search(rf"\b{re.escape(word)}\b", path.read_text()):
                    problems.append(f"{where}: {word} is not in that file")
        if page.name == MUST_NAME_STEPS and on_page == 0:
            problems.append(f"docs/{page.name}: names no `file: symbol` at all")
        steps += on_page
    return problems, steps


def check_tests(root: pathlib.Path) -> tuple[list[str], int]:
    made = {test for file in (root / "tests/unit").rglob("*.cpp")
            for test in TEST_MADE.findall(file.read_text())}
    named = [(page, number, test) for page in sorted((root / "docs/design").glob("*.md"))
             for number, line in enumerate(page.read_text().splitlines(), 1)
             for test in TEST_NAMED.findall(line)]
    return [f"docs/design/{page.name}:{number}: there is no test {'.'.join(test)}"
            for page, number, test in named if test not in made], len(named)


def self_test_of_tests(root: pathlib.Path) -> bool:
    (root / "docs/design").mkdir()
    (root / "tests/unit/net").mkdir(parents=True)
    (root / "tests/unit/net/a_test.cpp").write_text("TEST_P(Link,\n       Ends) {}\n")
    (root / "docs/design/a.md").write_text("`Every/Link.Ends` `Link.Begins` `src/A.B`\n")
    return check_tests(root) == (["docs/design/a.md:1: there is no test Link.Begins"], 2)


def self_test() -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src/net").mkdir(parents=True)
        (root / "docs").mkdir()
        (root / "src/net/a.cpp").write_text("void Link::read_loop() {}\n")
        cases = {
            "`net/a.cpp: Link::read_loop`": None,
            "`src/net/a.cpp: Link::read_loop()`": None,
            "`net/b.cpp: Link::read_loop`": "no such file",
            "`net/a.cpp: Link::read`": "read is not in that file",
            "no step": "names no",
        }
        for text, expected in cases.items():
            (root / "docs" / MUST_NAME_STEPS).write_text(text + "\n")
            problems, _ = check(root)
            if (expected is None) != (not problems) or (expected and expected not in problems[0]):
                print(f"{text} gave {problems}, expected {expected}")
                return 1
        if not self_test_of_tests(root):
            print(f"tests: {check_tests(root)}")
            return 1
    print(f"symbols: {len(cases) + 1} cases hold")
    return 0


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(__file__).parents[1]
    problems, steps = check(root)
    of_tests, tests = check_tests(root)
    problems += of_tests
    print(*problems, sep="\n") if problems else print(
        f"symbols: {steps} named in docs/, {tests} tests, all there")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
