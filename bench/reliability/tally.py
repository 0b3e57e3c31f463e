"""What a reader got of what a publisher saw acknowledged, and whether that is what was promised."""
from integration.ledger import first_times


class Tally:
    """What one reader got of one publisher."""

    def __init__(self, publisher, numbers, reader_qos):
        self.publisher, self.numbers = publisher, numbers
        self.exactly_once = min(publisher.qos, reader_qos) == 2
        self.seen, self.missing = set(), set()
        self.read = self.acknowledged = 0

    def look(self):
        """How many acknowledged messages have not come yet."""
        acknowledged = self.publisher.acknowledged[self.acknowledged:]
        self.acknowledged += len(acknowledged)
        fresh = self.numbers[self.read:]
        self.read += len(fresh)
        self.seen.update(fresh)
        self.missing.update(acknowledged)
        self.missing -= self.seen
        return len(self.missing)

    def found(self):
        self.look()
        once = first_times(self.numbers)
        again = len(self.numbers) - len(once)
        return {"lost": len(self.missing), "repeated": 0 if self.exactly_once else again,
                "twice": again if self.exactly_once else 0,
                "reordered": sum(a > b for a, b in zip(once, once[1:]))}


def broke_a_promise(promises, figures):
    """`promises`: the faults that the server says it survives. To refuse is none: a server whose
    disk is gone says no until it is killed; what is sent again later has no order."""
    judged = ("lost", "twice") if figures["refused"] else ("lost", "twice", "reordered")
    return figures["fault"] in promises and bool(
        figures["problem"] or figures["sessions_forgotten"]
        or any(reader[count] for reader in figures["readers"].values() for count in judged))
