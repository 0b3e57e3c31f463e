#!/usr/bin/env python3
"""Writes docs/conformance.md: which test shows which normative statement of MQTT 3.1.1 and 5.0; and
docs/security-cases.md: which test tries which attack beyond the wire (tests/security-cases.txt).

    tools/conformance.py            writes the pages
    tools/conformance.py --check    are they current, and does every word hold? (`./dev lint`)

The statements stand in tests/conformance/statements.txt. A test says what it shows with
@shows("4/NUMBER 5/NUMBER"), a case of a table with Case("name", "4/NUMBER 5/NUMBER", ...). The
attack cases stand in tests/conformance/attacks.txt with the tests that try them.
"""
import ast
import collections
import pathlib
import re
import sys
import tempfile

FOLDER = "tests/conformance"
STATEMENT = re.compile(r"([\d.]+-\d+)\s+(server|client|both)\s+(.*?)(?:\s+-- (.*))?$")
TOKEN = re.compile(r"([45])/([\d.]+-\d+)$")
STANDARDS = {4: "3.1.1", 5: "5.0"}
# The attack cases on the wire, on memory and on transports: each needs its line in attacks.txt.
CASES = [f"{group}{number}" for group, count in (("A", 11), ("B", 5), ("D", 3))
         for number in range(1, count + 1)]
# Access control, administration and integration, secrets and files; E4 and E6 are about what is not there.
SECURITY_FILE = "tests/security-cases.txt"
SECURITY_CASES = [f"C{n}" for n in range(1, 13)] + [f"E{n}" for n in (1, 2, 3, 5, 7, 8)] + \
    [f"F{n}" for n in range(1, 6)]

HEAD = """\
# Conformance

Written by `tools/conformance.py` (`./dev docs`); CI checks that it is current.

Every normative statement of MQTT 3.1.1 and 5.0 (Appendix B of either) in a few words of our own, and
the tests that show that this server keeps it: exact packets against the running program, in
`tests/conformance`. *Clients alone* means that the statement binds clients only; *not shown yet*
that no test shows it, whether or not the server keeps it.
"""

SECURITY_HEAD = """\
# Attack cases beyond MQTT on the wire

Written by `tools/conformance.py` (`./dev docs`) from `tests/security-cases.txt`; CI checks that it is
current and that the tests are there. What is tried on the wire stands in
[conformance.md](conformance.md#attack-cases-on-the-wire); what is promised in [SECURITY.md](../SECURITY.md).
"""


class Problem(Exception):
    pass


def read_statements(text):
    """{version: {number: (who, what, why it does not apply)}}"""
    found, version = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{FOLDER}/statements.txt:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            version = {f"[{name}]": key for key, name in STANDARDS.items()}[line.strip()]
            found[version] = {}
            continue
        match = STATEMENT.match(line)
        if not match or version is None:
            raise Problem(f"{where}: not `NUMBER server|client|both WHAT`")
        if match[1] in found[version]:
            raise Problem(f"{where}: {match[1]} stands there twice")
        found[version][match[1]] = (match[2], match[3], match[4])
    return found


def words_of(node, constants, where):
    if isinstance(node, ast.Name):
        node = constants.get(node.id, node)
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        raise Problem(f"{where}: the statements must be one plain text")
    return node.value.split()


def read_tests(path, text):
    """[(name of the test or case, words)] of one file."""
    tree, found = ast.parse(text), []
    constants = {node.targets[0].id: node.value for node in tree.body
                 if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    for node in ast.walk(tree):
        where = f"{FOLDER}/{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "shows":
                    found.append((node.lineno, node.name, words_of(mark.args[0], constants, where)))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Case":
            name = words_of(node.args[0], constants, where)
            words = words_of(node.args[1], constants, where)
            found.append((node.lineno, "-".join(name), words))
    return [(name, words) for _, name, words in sorted(found)]


def collect(root):
    """{(version, number): [(file, test)]}, checked against the statements."""
    statements = read_statements((root / FOLDER / "statements.txt").read_text())
    shown = collections.defaultdict(list)
    for path in sorted((root / FOLDER).glob("test_*.py")):
        for name, words in read_tests(path.name, path.read_text()):
            for word in words:
                match = TOKEN.match(word)
                if not match and word != "3":
                    raise Problem(f"{path.name}: {name}: `{word}` is no statement")
                if not match:
                    continue
                version, number = int(match[1]), match[2]
                if number not in statements[version]:
                    raise Problem(f"{path.name}: {name}: MQTT {STANDARDS[version]} has no {number}")
                shown[version, number].append((path.name, name))
    for (version, number), tests in shown.items():
        if statements[version][number][2]:
            raise Problem(f"{tests[0][0]}: {tests[0][1]} shows {number}, which is said not to apply")
    return statements, shown


def cell(tests):
    files = collections.defaultdict(list)
    for file, name in tests:
        if name not in files[file]:
            files[file].append(name)
    parts = []
    for file, names in files.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        parts.append(f"{file[5:-3]}: " + ", ".join(f"`{name}`" for name in names[:3]) + more)
    return "; ".join(parts)


def case_rows(root, cases, source):
    """A table of attack cases. Each of `cases` must be there, and each test named must exist."""
    found = []
    rows = ["| case | outcome | tests |", "|---|---|---|"]
    for line in (root / source).read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, outcome, tests = (part.strip() for part in line.split("|"))
        found.append(name.split()[0])
        if not outcome or not tests:
            raise Problem(f"{source}: {name}: an outcome and a test are needed")
        for test in tests.split():
            if test.startswith("("):
                break
            file, _, function = test.partition("::")
            path = root / "tests" / file
            if not path.is_file() or not re.search(rf"\b{re.escape(function)}\b", path.read_text()):
                raise Problem(f"{source}: {name}: there is no {test}")
        shown = tests if tests.startswith("(") else ", ".join(
            "`tests/" + test.replace("::", ": ") + "`" for test in tests.split())
        rows.append(f"| {name} | {outcome} | {shown} |")
    if sorted(found) != sorted(cases):
        raise Problem(f"{source} has {' '.join(found)} instead of {' '.join(cases)}")
    return rows


def attacks(root, cases):
    return ["", "## Attack cases on the wire", "", *case_rows(root, cases, f"{FOLDER}/attacks.txt")]


def render_security(root):
    return "\n".join([SECURITY_HEAD, *case_rows(root, SECURITY_CASES, SECURITY_FILE)]) + "\n"


def render(root, cases):
    statements, shown = collect(root)
    lines = [HEAD]
    for version, standard in STANDARDS.items():
        rows, counts = [], collections.Counter()
        for number, (who, what, why) in statements[version].items():
            tests = shown.get((version, number))
            if tests:
                kind, text = "shown", cell(tests)
            elif why:
                kind, text = "does not apply", f"does not apply: {why}"
            elif who == "client":
                kind, text = "clients alone", "clients alone"
            else:
                kind, text = "not shown yet", "**not shown yet**"
            counts[kind] += 1
            rows.append(f"| {number} | {what} | {text} |")
        lines.append(f"## MQTT {standard}\n")
        lines.append(f"{len(rows)} statements: " + ", ".join(
            f"{counts[kind]} {kind}" for kind in
            ("shown", "clients alone", "does not apply", "not shown yet") if counts[kind]) + ".\n")
        lines += ["| MQTT- | what | shown by |", "|---|---|---|", *rows, ""]
    while lines[-1] == "":
        lines.pop()
    return "\n".join(lines + attacks(root, cases)) + "\n"


def self_test():
    statements = ("[3.1.1]\n1.1.1-1  server  first\n1.1.1-2  client  second\n"
                  "1.1.1-3  both  third -- no reason\n[5.0]\n2.2.2-1  both  fourth\n")
    good = '@shows("4/1.1.1-1")\ndef test_a():\n    pass\n'
    cases = {  # what a test file says: what must be in the page, or in the refusal
        good: "| 1.1.1-1 | first | a: `test_a` |",
        'T = [Case("a b", "4/1.1.1-1 5/2.2.2-1", b"", 1)]  # test_a\n': "| 2.2.2-1 | fourth | a: `a-b` |",
        'W = "4/1.1.1-1"\nT = [Case("a b", W, b"", 1)]  # test_a\n': "| first | a: `a-b` |",
        good + "#": "| 1.1.1-2 | second | clients alone |",
        good + "##": "| 2.2.2-1 | fourth | **not shown yet** |",
        good + "###": "| 1.1.1-3 | third | does not apply: no reason |",
        good + "####": "| A1 | closed | `tests/conformance/test_a.py: test_a` |",
        '@shows("4/9.9.9-9")\ndef test_a():\n    pass\n': "has no 9.9.9-9",
        '@shows("4/1.1.1-3")\ndef test_a():\n    pass\n': "said not to apply",
        '@shows("1.1.1-1")\ndef test_a():\n    pass\n': "is no statement",
        "def test_b():\n    pass\n": "there is no conformance/test_a.py::test_a",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / FOLDER).mkdir(parents=True)
        (root / FOLDER / "statements.txt").write_text(statements)
        (root / FOLDER / "attacks.txt").write_text("A1 | closed | conformance/test_a.py::test_a\n")
        for text, wanted in cases.items():
            (root / FOLDER / "test_a.py").write_text(text)
            try:
                said = render(root, ["A1"])
            except Problem as problem:
                said = str(problem)
            if wanted not in said:
                print(f"{text}\ngave\n{said}\nwithout {wanted}")
                return 1
        (root / FOLDER / "test_a.py").write_text(good)
        for lines, wanted in {  # what attacks.txt says: what is wrong with it
                "A1 | closed |": "an outcome and a test are needed",
                "A2 | closed | conformance/test_a.py::test_a": "has A2 instead of A1"}.items():
            (root / FOLDER / "attacks.txt").write_text(lines + "\n")
            try:
                render(root, ["A1"])
                said = "nothing"
            except Problem as problem:
                said = str(problem)
            if wanted not in said:
                print(f"{lines}\ngave\n{said}\nwithout {wanted}")
                return 1
    print(f"conformance: {len(cases) + 2} cases hold")
    return 0


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    try:
        pages = {"conformance.md": render(root, CASES), "security-cases.md": render_security(root)}
    except Problem as problem:
        print(f"conformance: {problem}", file=sys.stderr)
        return 1
    if sys.argv[1:] == ["--check"]:
        for name, text in pages.items():
            page = root / "docs" / name
            if not page.is_file() or page.read_text() != text:
                print(f"docs/{name} is not current: tools/conformance.py", file=sys.stderr)
                return 1
        print(*[line for line in pages["conformance.md"].splitlines() if " statements: " in line],
              f"{len(SECURITY_CASES)} attack cases beyond the wire, each with its tests.", sep="\n")
        return 0
    for name, text in pages.items():
        (root / "docs" / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
