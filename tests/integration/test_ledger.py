"""The ledger finds what it is there to find."""
import pytest

from integration.ledger import Publisher, check, numbers_of


def publisher(sent, acknowledged):
    made = Publisher(("127.0.0.1", 1), "p", "t", 1)
    made.sent, made.acknowledged = sent, acknowledged
    return made


def test_what_is_right_passes_and_repeats_are_counted():
    assert check(publisher(5, [0, 1, 2, 3]), [0, 1, 2, 1, 2, 3, 4], "here") == 2
    assert check(publisher(4, [0, 1, 2, 3]), [0, 1, 2, 3], "here", exactly_once=True) == 0


@pytest.mark.parametrize("numbers,exactly_once,words", [
    ([0, 1, 3], False, "lost: .* missing"), ([0, 2, 1, 3], False, "order: "),
    ([0, 1, 2, 3, 3], True, "twice: "), ([0, 1, 2, 3, 9], False, "invented: ")])
def test_what_is_wrong_is_said(numbers, exactly_once, words):
    with pytest.raises(AssertionError, match=words):
        check(publisher(4, [0, 1, 2, 3]), numbers, "here", exactly_once)


def test_numbers_are_read_from_payloads():
    assert numbers_of("p", [b"p:0:xx", b"pp:5:", b"p:17:", b"other"]) == [0, 17]
