"""Tables of a page."""


def table(header, rows):
    return "\n".join(["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1),
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
