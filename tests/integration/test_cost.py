"""What a message costs, counted and held against bench/cost/bounds.json."""
import json
import os
import sys

import pytest

from integration.harness import REPOSITORY, sluice_binary

sys.path.insert(0, str(REPOSITORY / "bench/cost"))

import bounds  # noqa: E402

RELEASE = [REPOSITORY / "build" / preset / "sluice" for preset in ("release", "bench")]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    if bounds.supported():
        pytest.skip(bounds.supported())
    if "SLUICE_BINARY" in os.environ and sluice_binary() not in RELEASE:
        pytest.skip("the bounds are those of the release build")
    return bounds.measure(tmp_path_factory.mktemp("cost"))[0]


@pytest.mark.parametrize("section", bounds.MARGINS)
def test_nothing_got_dearer(measured, section):
    dearer, _ = bounds.differences({section: measured[section]}, bounds.recorded())
    assert not dearer, bounds.explain(dearer)


def test_a_dearer_path_would_be_seen():
    recorded = bounds.recorded()
    dearer = json.loads(json.dumps(recorded))
    for section, margin in bounds.MARGINS.items():
        for name in dearer[section]:
            dearer[section][name] *= 1 + (margin + 1) / 100
    everything = sum(len(names) for names in recorded.values())
    assert len(bounds.differences(dearer, recorded)[0]) == everything
    assert not bounds.differences(recorded, recorded)[0]
