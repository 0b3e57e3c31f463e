"""The checker of histories finds what it is there to find: tests/history says what."""
import pathlib

import pytest

from integration import history

SAMPLES = sorted((pathlib.Path(__file__).parent.parent / "history").glob("*.jsonl"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_is_judged_as_its_name_says(path):
    verdict = history.check(history.load(path))
    assert (verdict[0] if verdict else "good") == path.stem.split("-")[0], verdict


def test_there_is_a_history_for_every_rule():
    rules = {path.stem.split("-")[0] for path in SAMPLES}
    assert rules == {"good", "lost", "invented", "twice", "order", "offset", "cursor"}
