#!/usr/bin/env python3
"""House rules that no compiler checks: `./dev lint`, and CI, run this over the whole tree.

Every rule is a few lines, so that adding one costs less than repeating a review comment, and every
rule has a case in CASES below that it must catch: `tools/tidy.py --self-test`.
"""
import pathlib
import re
import sys
import tempfile

# layer -> what it may include, in the order of docs/architecture.md: only what stands before it.
LAYERS = {
    "base": set(),
    "io": {"base"},
    "mqtt": {"base"},
    "rocketmq": {"base", "io"},
    "model": {"base"},
    "where": {"base", "mqtt", "model"},
    "store": {"base", "io", "rocketmq", "model"},  # and of mqtt what STORE_MAY_USE names
    "cluster": {"base", "io", "model", "store"},
    "broker": {"base", "io", "mqtt", "model", "where", "store", "cluster"},
    "net": {"base", "io", "mqtt", "model", "store", "cluster", "broker"},
    "connect": {"base", "io", "mqtt", "model", "where", "store", "cluster", "broker"},
    "connectors": {"base", "io", "mqtt", "rocketmq", "model", "where", "store", "connect"},
    "admin": {"base", "io", "mqtt", "model", "store", "cluster", "broker", "connect"},
}
LAYERS["app"] = set(LAYERS)
STORE_MAY_USE = "mqtt/topic.hpp"

# what an include begins with -> where under src/ it may stand; None: everywhere.
THIRD_PARTY = {
    "rocksdb/": ("store/",),
    "google/protobuf/": ("connectors/kafka/registry/protobuf_format.cpp",),
    "librdkafka/": ("connectors/kafka/", "app/kafka_dev.cpp"),
    "boost/beast": ("io/", "net/", "admin/", "app/", "connectors/"),
    "boost/asio": ("base/", "io/", "rocketmq/", "broker/", "net/", "cluster/", "connect/",
                   "connectors/", "admin/", "app/"),
    "boost/": None,
    "openssl/": ("base/", "io/", "broker/", "net/", "admin/", "rocketmq/"),
    "yaml-cpp/": ("app/", "base/"),
    "CLI/": ("app/",),
    "valijson/": ("connect/processing/",),
    "jq.h": ("connect/processing/",),
    "spdlog/": ("base/",),
    "fmt/": None,
    "prometheus/": ("base/", "admin/"),
    "tl/": ("base/",),
}
STANDARD = re.compile(r"[a-z_0-9]+$|(sys|netinet|arpa|net|linux)/[a-z_0-9]+\.h$|[a-z_0-9]+\.h$")

MAX_LINES = {".hpp": 300, ".cpp": 600}
MAX_COLUMNS = 100
MAX_README_LINES = 40

BANNED = [  # (pattern, where it is allowed, what to do instead)
    (r"\b(if|while|switch|for)\s*\(.*\bco_await\b", (),
     "bind the awaited value to a name, then test it (g++ 12 crashes)"),
    (r"\bco_await\b[^;]*\([^;)]*\{", (),
     "name the argument first, then std::move it into the call (g++ 12 double-frees)"),
    (r"\bco_await\b[^;]*\[[^\]]*\]\s*\(", (),
     "no lambda inside an awaiting expression (g++ 12 double-frees)"),
    (r"\bthrow\b.*\bco_await\b", (), "bind the awaited value to a name, then throw"),
    (r"\basio::detached\b", ("base/",),
     "spawn into a task group so that shutdown can wait for it"),
    (r"^using namespace (?!std::\w*literals|boost::asio::experimental::awaitable_operators)",
     (), "name what you use"),
    (r"\bstd::c(out|err)\b|\b(f?printf|puts)\s*\(", ("app/", "base/"), "use the log"),
    (r"\bsleep_for\b|\bsleep_until\b|\bu?sleep\s*\(", ("base/",),
     "wait for the event, not for time"),
    (r"\b(rand|strcpy|strcat|sprintf|gets|system|tmpnam)\s*\(", (), "unsafe: use the library's"),
    (r"^\s*#\s*ifdef\s+TEST|\bfriend\s+class\s+\w*Test\b", (),
     "a test gets at things through constructor arguments"),
]
BAD_NAME = re.compile(
    r"\b(?:class|struct|enum class|namespace)\s+(\w*(?:Manager|Helper|Util|Utils|Impl|Handler))\b")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LEFT_OVER_IN = {".hpp", ".cpp", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".yaml", ".yml"}


def without_comments(line: str) -> str:
    """The code of a line: no // comment, string contents emptied."""
    line = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
    return line.split("//")[0]


def check_includes(rel: str, number: int, line: str) -> list[str]:
    layer = rel.split("/")[0]
    own = re.match(r'\s*#\s*include\s+"([\w./-]+)"', line)
    if own:
        return check_own_include(rel, layer, number, own[1])
    foreign = re.match(r"\s*#\s*include\s+<([\w./+-]+)>", line)
    if not foreign:
        return []
    for prefix, places in THIRD_PARTY.items():
        if foreign[1].startswith(prefix):
            if places is None or rel.startswith(places):
                return []
            return [f"{rel}:{number}: {prefix} belongs to {', '.join(places)} only"]
    if STANDARD.match(foreign[1]):
        return []
    return [f"{rel}:{number}: <{foreign[1]}> is not among the dependencies (tools/tidy.py)"]


def check_own_include(rel: str, layer: str, number: int, path: str) -> list[str]:
    other = path.split("/")[0]
    if "/" not in path or other not in LAYERS:
        return [f'{rel}:{number}: include "{path}" from the root src/: "layer/file.hpp"']
    if layer == "connectors" and other == "connectors":
        if path.split("/")[1] != rel.split("/")[1]:
            return [f"{rel}:{number}: one connector may not include another"]
    if other == layer or (layer == "store" and path == STORE_MAY_USE):
        return []
    if other not in LAYERS.get(layer, set()):
        return [f"{rel}:{number}: {layer}/ may not include {other}/"]
    return []


def check_source(src: pathlib.Path, path: pathlib.Path) -> list[str]:
    rel = path.relative_to(src).as_posix()
    lines = path.read_text().splitlines()
    problems = []
    if len(lines) > MAX_LINES[path.suffix]:
        problems.append(f"{rel}:1: {len(lines)} lines; split at {MAX_LINES[path.suffix]}")
    if path.suffix == ".hpp" and "#pragma once" not in lines:
        problems.append(f"{rel}:1: a header begins with #pragma once")
    if rel.split("/")[0] not in LAYERS:
        problems.append(f"{rel}:1: not a folder of the layer table")
    for number, line in enumerate(lines, 1):
        problems += check_includes(rel, number, line)
        problems += check_line(rel, number, line)
        code = without_comments(line)
        for pattern, allowed, instead in BANNED:
            if re.search(pattern, code) and not (allowed and rel.startswith(allowed)):
                problems.append(f"{rel}:{number}: {instead}")
    return problems


def check_line(rel: str, number: int, line: str) -> list[str]:
    """What holds for the tests and benchmarks too."""
    problems = []
    if len(line) > MAX_COLUMNS:
        problems.append(f"{rel}:{number}: line longer than {MAX_COLUMNS} columns")
    name = BAD_NAME.search(without_comments(line))
    if name:
        problems.append(f"{rel}:{number}: {name[1]} says nothing; name what it is")
    return problems


def check_folders(src: pathlib.Path) -> list[str]:
    problems = []
    for folder in sorted(p.parent for p in src.glob("*/CMakeLists.txt")):
        if not list(folder.rglob("*.[ch]pp")):
            continue
        readme = folder / "README.md"
        if not readme.exists():
            problems.append(f"{folder.name}/: no README.md (purpose, types, use, invariants)")
        elif len(readme.read_text().splitlines()) > MAX_README_LINES:
            problems.append(f"{folder.name}/README.md: more than {MAX_README_LINES} lines")
    return problems


def files_of_the_project(root: pathlib.Path):
    skipped = {".git", "build", ".cache", "node_modules", ".venv", "__pycache__", "corpus", "data"}
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            if entry.name not in skipped:
                yield from files_of_the_project(entry)
        elif entry.is_file():
            yield entry


def check_page(root: pathlib.Path, path: pathlib.Path) -> list[str]:
    """Every relative link of a Markdown page leads somewhere."""
    problems = []
    rel = path.relative_to(root).as_posix()
    in_code = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        in_code ^= line.startswith("```")
        for target in [] if in_code else re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            if "://" not in target and not (path.parent / target).exists():
                problems.append(f"{rel}:{number}: the link {target} leads nowhere")
    return problems


def check_decisions(root: pathlib.Path) -> list[str]:
    """docs/adr/README.md lists every decision."""
    index = root / "docs/adr/README.md"
    listed = index.read_text() if index.exists() else ""
    return [f"docs/adr/README.md: {record.name} is not listed"
            for record in sorted((root / "docs/adr").glob("[0-9]*.md"))
            if f"({record.name})" not in listed]


def check(root: pathlib.Path) -> list[str]:
    src = root / "src"
    problems = [f"src/{p}" for p in check_folders(src)] + check_decisions(root)
    for path in files_of_the_project(root):
        rel = path.relative_to(root).as_posix()
        if path.suffix in MAX_LINES and rel.startswith("src/"):
            problems += [f"src/{problem}" for problem in check_source(src, path)]
        elif path.suffix in MAX_LINES:
            for number, line in enumerate(path.read_text().splitlines(), 1):
                problems += check_line(rel, number, line)
        if path.suffix == ".md":
            problems += check_page(root, path)
        if path.suffix in LEFT_OVER_IN and rel != "tools/tidy.py":
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if LEFT_OVER.search(line):
                    problems.append(f"{rel}:{number}: finish it or open an issue")
    return problems


# One small tree per rule: (file, its text, a part of the complaint that must come).
CASES = [
    ("src/store/a.hpp", '#include "broker/b.hpp"\n', "store/ may not include broker/"),
    ("src/store/a.hpp", '#include "mqtt/codec.hpp"\n', "store/ may not include mqtt/"),
    ("src/model/a.hpp", '#include "mqtt/topic.hpp"\n', "model/ may not include mqtt/"),
    ("src/mqtt/a.hpp", '#include "model/message.hpp"\n', "mqtt/ may not include model/"),
    ("src/net/a.hpp", '#include "connect/sink.hpp"\n', "net/ may not include connect/"),
    ("src/net/a.hpp", '#include "admin/rest.hpp"\n', "net/ may not include admin/"),
    ("src/admin/a.hpp", '#include "net/listener.hpp"\n', "admin/ may not include net/"),
    ("src/connectors/kafka/a.hpp", '#include "broker/b.hpp"\n', "connectors/ may not include"),
    ("src/connectors/kafka/a.hpp", '#include "net/b.hpp"\n', "connectors/ may not include net/"),
    ("src/connectors/kafka/a.hpp", '#include "connectors/http/b.hpp"\n', "one connector"),
    ("src/base/a.hpp", '#include "io/b.hpp"\n', "base/ may not include io/"),
    ("src/net/a.hpp", '#include "listener.hpp"\n', "from the root src/"),
    ("src/broker/a.hpp", "#include <rocksdb/db.h>\n", "rocksdb/ belongs to"),
    ("src/connect/a.hpp", "#include <librdkafka/rdkafka.h>\n", "librdkafka/ belongs to"),
    ("src/base/a.hpp", "#include <json/json.h>\n", "not among the dependencies"),
    ("src/mqtt/a.hpp", "#include <boost/asio/buffer.hpp>\n", "boost/asio belongs to"),
    ("src/base/a.hpp", "int x;\n" * 301, "split at 300"),
    ("src/base/a.cpp", "int x;\n" * 601, "split at 600"),
    ("src/base/a.cpp", "// " + "x" * 98 + "\n", "longer than 100"),
    ("tests/unit/base/a_test.cpp", "// " + "x" * 98 + "\n", "longer than 100"),
    ("src/base/b.hpp", "int x;\n", "#pragma once"),
    ("src/extras/a.cpp", "int x;\n", "not a folder of the layer table"),
    ("src/net/a.cpp", "  if (co_await f()) return;\n", "bind the awaited value"),
    ("src/net/a.cpp", "  co_await f(Request{name, 1});\n", "name the argument first"),
    ("src/net/a.cpp", "  co_await run([cap](int) { return cap; });\n", "no lambda"),
    ("src/net/a.cpp", "  throw Bad(co_await f());\n", "then throw"),
    ("src/net/a.cpp", "  asio::co_spawn(e, f(), asio::detached);\n", "task group"),
    ("src/net/a.cpp", "using namespace std;\n", "name what you use"),
    ("src/net/a.cpp", "  std::cerr << 1;\n", "use the log"),
    ("src/net/a.cpp", '  printf("x");\n', "use the log"),
    ("src/net/a.cpp", "  std::this_thread::sleep_for(1s);\n", "not for time"),
    ("src/net/a.cpp", "  strcpy(a, b);\n", "unsafe"),
    ("src/net/a.cpp", "#ifdef TESTING\n", "constructor arguments"),
    ("src/net/a.cpp", "class SessionManager {};\n", "says nothing"),
    ("tests/support/a.cpp", "struct ClientHelper {};\n", "says nothing"),
    ("src/base/CMakeLists.txt", "\n", "no README.md"),
    ("src/base/README.md", "line\n" * 41, "more than 40 lines"),
    ("docs/a.md", "TO" "DO: write\n", "finish it"),
    ("src/base/a.cpp", "// FIX" "ME\n", "finish it"),
    ("docs/a.md", "see [that](missing.md#part)\n", "leads nowhere"),
    ("docs/adr/0001-one.md", "# 0001. One\n", "is not listed"),
]
# Correct code near the rules: none of it may be reported.
CLEAN = {
    "README.md": "[base](src/base/README.md#x) [out](https://example.org)\n",
    "src/base/README.md": "base\n",
    "src/base/CMakeLists.txt": "\n",
    "src/base/a.hpp": "#pragma once\n#include <sys/uio.h>\n#include <tl/expected.hpp>\n",
    "src/store/README.md": "store\n",
    "src/store/CMakeLists.txt": "\n",
    "src/store/a.cpp": '#include <rocksdb/db.h>\n#include "mqtt/topic.hpp"\n#include "store/b.hpp"\n',
    "src/net/README.md": "net\n",
    "src/net/CMakeLists.txt": "\n",
    "src/net/a.cpp": ('// if (co_await f()) would crash\nconst char* k = "if (co_await f()) {}";\n'
                      "const auto n = co_await f();\nclass Managers {};\n"),
    "src/connectors/kafka/a.cpp": ('#include <librdkafka/rdkafka.h>\n#include "connect/sink.hpp"\n'
                                   '#include "connectors/kafka/b.hpp"\n'),
}


def problems_of(tree: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src").mkdir()
        for name, text in tree.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(root)


def self_test() -> int:
    failures = [f"clean code was reported: {p}" for p in problems_of(CLEAN)]
    for name, text, expected in CASES:
        tree = dict(CLEAN)
        if expected == "no README.md":
            del tree["src/base/README.md"]
        tree[name] = text if name != "src/base/a.hpp" else "#pragma once\n" + text
        found = problems_of(tree)
        if not any(expected in problem for problem in found):
            failures.append(f"{name}: {text[:60]!r} did not give '{expected}' but {found}")
    print(*failures, sep="\n") if failures else print(f"tidy: {len(CASES)} rules can fail")
    return bool(failures)


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1]
    found = check(root)
    print(*found, sep="\n") if found else print("tidy: clean")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
