"""packaging/: the Grafana board and the alert rules use metrics that there are, with their labels."""
import json
import re
import shutil
import subprocess

import pytest

from integration.harness import REPOSITORY, environment_of, sluice_binary

BOARD = REPOSITORY / "packaging/grafana/sluice.json"
RULES = REPOSITORY / "packaging/prometheus/sluice.rules.yml"
TARGET_LABELS = {"instance", "job", "le"}  # of Prometheus, not of a metric
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.fixture(scope="module")
def declared():
    """name -> its labels, as `sluice reference metrics` says."""
    page = subprocess.run([str(sluice_binary()), "reference", "metrics"], check=True, text=True,
                          capture_output=True, env=environment_of()).stdout
    metrics = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", page, re.M):
        for suffix in SUFFIXES if kind == "histogram" else ("",):
            metrics[name + suffix] = set(re.findall(r"`(\w+)`", labels))
    assert len(metrics) > 40
    return metrics


def problems(expression, declared):
    """What in a PromQL expression names something that there is not."""
    found = []
    without_texts = re.sub(r'"[^"]*"', '""', expression)
    names = re.findall(r"\bsluice_\w+", without_texts)
    known = set(TARGET_LABELS)
    for name in names:
        if name not in declared:
            found.append(f"no metric {name}")
        known |= declared.get(name, set())
    for name, selector in re.findall(r"\b(\w+)\{([^}]*)\}", without_texts):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            if label not in TARGET_LABELS | declared.get(name, set()):
                found.append(f"{name} has no label {label}")
    for labels in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", without_texts):
        found += [f"no label {label}" for label in re.findall(r"\w+", labels) if label not in known]
    if not names and "up{" not in expression:
        found.append("no metric of Sluice")
    return [f"{problem} in {expression}" for problem in found]


def board_expressions():
    board = json.loads(BOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)",
                                         variable["definition"]).groups()
            yield variable["name"], f'{metric}{{{label}=""}}', ""


def rules():
    # Debian's PyYAML: the tests' own Python has none.
    text = subprocess.run(
        ["/usr/bin/python3", "-c",
         "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"],
        input=RULES.read_text(), check=True, text=True, capture_output=True).stdout
    return [rule for group in json.loads(text)["groups"] for rule in group["rules"]]


def test_the_check_finds_what_there_is_not(declared):
    assert not problems('rate(sluice_messages_dropped_total{reason="x"}[5m])', declared)
    for wrong in ("sluice_conections", 'sluice_connections{task="a"}', "up",
                  "sum by (tsk) (sluice_task_up)", "sluice_log_sync_seconds",
                  "sluice_connections_bucket"):
        assert problems(wrong, declared), wrong


def test_every_query_of_the_board_names_metrics_and_labels_that_there_are(declared):
    found, titles = [], set()
    for title, expression, legend in board_expressions():
        titles.add(title)
        found += problems(expression, declared)
        labels = set().union(*(declared.get(name, set())
                               for name in re.findall(r"\bsluice_\w+", expression)))
        found += [f"{title}: no label {label} for the legend"
                  for label in re.findall(r"{{(\w+)}}", legend)
                  if label not in labels | TARGET_LABELS]
    assert not found, "\n".join(found)
    assert len(titles) > 20


def test_the_board_has_its_places():
    panels = json.loads(BOARD.read_text())["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_every_alert_names_metrics_that_there_are_and_says_what_to_do(declared):
    found = []
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) and len(names) > 10
    for rule in rules():
        found += problems(rule["expr"], declared)
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}
        known = set(TARGET_LABELS).union(*(declared.get(name, set()) for name in
                                           re.findall(r"\bsluice_\w+", rule["expr"])))
        for text in rule["annotations"].values():
            found += [f"{rule['alert']}: no label {label}"
                      for label in re.findall(r"\$labels\.(\w+)", text) if label not in known]
            for page in re.findall(r"docs/[\w/.-]+\.md", text):
                assert (REPOSITORY / page).is_file(), page
    assert not found, "\n".join(found)


def test_prometheus_itself_takes_the_rules_where_it_is_installed():
    # 96 MB in Debian: not among the packages of the tests.
    promtool = shutil.which("promtool")
    if promtool:
        subprocess.run([promtool, "check", "rules", RULES], check=True)
