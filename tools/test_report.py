#!/usr/bin/env python3
"""Adds up what ctest and pytest reported and says it plainly, the total on the last line.

    tools/test_report.py REPORTS [--steps FILE] [--expect SUITE...]

REPORTS/SUITE/ctest.xml with REPORTS/SUITE/cases/*.xml (GoogleTest), or REPORTS/SUITE/pytest.xml.
A GoogleTest program counts with each of its cases, any other ctest test as one. Exit 1 when
something failed or was skipped, when nothing ran, or when a suite that must be there is not.
"""
import argparse
import contextlib
import io
import pathlib
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field


@dataclass
class Suite:
    name: str
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, case: str, outcome: str) -> None:
        if outcome == "passed":
            self.passed += 1
        else:
            getattr(self, outcome).append(case)


def outcome_of(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def read_cases(suite: Suite, path: pathlib.Path) -> list[str]:
    outcomes = []
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        outcomes.append(outcome_of(case))
        suite.add(name, outcomes[-1])
    return outcomes


def said_by(name: str, test: ElementTree.Element) -> list[str]:
    """What a test wants to be read where it passes too: its lines that begin with `report:`."""
    output = test.findtext("system-out") or ""
    return [f"{name}: {line.removeprefix('report:').strip()}" for line in output.splitlines()
            if line.startswith("report:")]


def read_ctest(suite: Suite, folder: pathlib.Path) -> None:
    for test in ElementTree.parse(folder / "ctest.xml").iter("testcase"):
        name, outcome = test.get("name"), outcome_of(test)
        if test.get("status") not in ("run", "fail"):  # ctest: not run, disabled
            outcome = "skipped" if outcome != "failed" else outcome
        cases = folder / "cases" / f"{name}.xml"
        outcomes = read_cases(suite, cases) if cases.exists() else []
        suite.said += said_by(name, test)
        # A program that died or leaked after its last case passed is still a failure.
        if not outcomes or (outcome == "failed" and "failed" not in outcomes):
            suite.add(name, outcome)


def read_suites(reports: pathlib.Path) -> list[Suite]:
    suites = []
    for folder in sorted(p for p in reports.iterdir() if p.is_dir()):
        suite = Suite(folder.name)
        if (folder / "ctest.xml").exists():
            read_ctest(suite, folder)
        elif (folder / "pytest.xml").exists():
            read_cases(suite, folder / "pytest.xml")
        else:
            suite.failed.append(f"{folder.name} ended without a report")
        suites.append(suite)
    return suites


def summarise(suites: list[Suite], steps: list[list[str]], expected: list[str]) -> int:
    if steps:
        print("\nsteps:")
        for outcome, seconds, title in steps:
            print(f"  {outcome:6} {int(seconds):5} s  {title}")
        print(f"  {'':6} {sum(int(s[1]) for s in steps):5} s  in all")
    print("\ntests:")
    for suite in suites:
        print(f"  {suite.name:14} {suite.passed:5} passed {len(suite.failed):4} failed "
              f"{len(suite.skipped):4} skipped")
        print(*(f"    {line}" for line in suite.said), sep="\n", end="\n" * bool(suite.said))
        for word, cases in (("failed", suite.failed), ("skipped", suite.skipped)):
            for case in cases:
                print(f"    {word}: {case}")
    present = {suite.name for suite in suites}
    faults = [f"the suite '{name}' did not run" for name in expected if name not in present]
    faults += [f"'{suite.name}' held no tests" for suite in suites
               if not (suite.passed or suite.failed or suite.skipped)]
    blamed = {suite.name for suite in suites if suite.failed or suite.skipped}
    faults += [f"the step '{title}' failed" for outcome, _, title in steps
               if outcome == "FAILED" and title.removesuffix(" tests") not in blamed]
    if not suites:
        faults.append("no tests ran")
    for fault in faults:
        print(f"  FAILED: {fault}")
    passed = sum(suite.passed for suite in suites)
    # What did not run did not pass: skipped tests and failed steps count as failures.
    failed = sum(len(suite.failed) + len(suite.skipped) for suite in suites) + len(faults)
    print(f"\n{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


def self_test() -> int:
    def result(trees: dict[str, str], expected: list[str], steps=()) -> int:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in trees.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            with contextlib.redirect_stdout(io.StringIO()):
                return summarise(read_suites(pathlib.Path(folder)), list(steps), expected)

    good = '<testsuite><testcase name="a_test" classname="a" status="run"/></testsuite>'
    bad = '<testsuite><testcase name="a_test" status="fail"><failure/></testcase></testsuite>'
    skip = '<testsuite><testcase name="a" classname="b"><skipped/></testcase></testsuite>'
    off = '<testsuite><testcase name="a" classname="b" status="notrun"/></testsuite>'
    speaks = ElementTree.fromstring(
        "<testcase><system-out>other\nreport: 7 steps\n</system-out></testcase>")
    outcomes = [
        said_by("a", speaks) == ["a: 7 steps"],
        said_by("a", ElementTree.fromstring("<testcase/>")) == [],
        result({"unit/ctest.xml": good}, ["unit"]) == 0,
        result({"unit/ctest.xml": good, "unit/cases/a_test.xml": good}, []) == 0,
        result({"unit/ctest.xml": good}, ["integration"]) == 1,
        result({"unit/ctest.xml": bad}, []) == 1,
        result({"unit/ctest.xml": bad, "unit/cases/a_test.xml": good}, []) == 1,
        result({"unit/ctest.xml": good, "unit/cases/a_test.xml": off}, []) == 1,
        result({"integration/pytest.xml": skip}, []) == 1,
        result({"integration/pytest.xml": "<testsuite/>"}, []) == 1,
        result({"integration/other": ""}, []) == 1,
        result({}, []) == 1,
        result({"unit/ctest.xml": good}, [], [["ok", "1", "build dev"]]) == 0,
        result({"unit/ctest.xml": good}, [], [["FAILED", "1", "build release"]]) == 1,
        result({"unit/ctest.xml": good}, [], [["FAILED", "1", "unit tests"]]) == 1,
    ]
    print(f"report: {len(outcomes)} cases, right: {outcomes.count(True)}")
    return int(not all(outcomes))


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", type=pathlib.Path)
    parser.add_argument("--steps", type=pathlib.Path)
    parser.add_argument("--expect", nargs="*", default=[])
    arguments = parser.parse_args()
    steps = []
    if arguments.steps:
        steps = [line.split("\t") for line in arguments.steps.read_text().splitlines()]
    return summarise(read_suites(arguments.reports), steps, arguments.expect)


if __name__ == "__main__":
    sys.exit(main())
