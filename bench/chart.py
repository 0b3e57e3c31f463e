"""Bar charts as small SVG files: no library, the same bytes for the same figures."""
import math
from html import escape

COLOURS = ["#0b6e99", "#7fc1d9", "#c2571a", "#7a7a7a", "#b7a57a", "#5b8c5a"]
WIDTH, LABEL, RIGHT = 860, 300, 70
BAR, GAP, TOP = 15, 12, 64


def number(value):
    """Three digits that mean something."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def scale_of(values, logarithmic):
    """(value -> x, the values at which a line stands)"""
    most = max(values)
    room = WIDTH - LABEL - RIGHT
    if logarithmic:
        low = 10 ** math.floor(math.log10(min(value for value in values if value > 0)))
        decades = max(1, math.ceil(math.log10(most / low)))
        lines = [low * 10 ** step for step in range(decades + 1)]
        return (lambda value: LABEL + room * math.log10(max(value, low) / low) / decades), lines
    step = 10 ** math.floor(math.log10(most))
    step = next(step * part for part in (0.2, 0.5, 1) if most / (step * part) <= 6)
    lines = [step * count for count in range(math.ceil(most / step) + 1)]
    return (lambda value: LABEL + room * value / lines[-1]), lines


def text(x, y, content, size=12, anchor="start", weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(content)}</text>')


def bars(title, rows, logarithmic=False, at=None):
    """rows: [(label, [(series, value, target or None)])]. `at`: a line across all, such as 1.0.

    A target is a tick: the bar should end before it.
    """
    series = list(dict.fromkeys(name for _, found in rows for name, _, _ in found))
    values = [value for _, found in rows for _, value, _ in found]
    values += [target for _, found in rows for _, _, target in found if target]
    place, lines = scale_of(values + ([at] if at else []), logarithmic)
    height = TOP + sum(len(found) * BAR + GAP for _, found in rows) + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" font-family="sans-serif" role="img">',
           f"<title>{escape(title)}</title>",
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           text(12, 22, title, 15, weight="bold")]
    x = 12
    for name in series:
        out.append(f'<rect x="{x}" y="34" width="12" height="12" '
                   f'fill="{COLOURS[series.index(name) % len(COLOURS)]}"/>')
        out.append(text(x + 16, 44, name))
        x += 32 + 7 * len(name)
    for value in lines:
        out.append(f'<path d="M{place(value):.0f} {TOP - 8}V{height - 22}" stroke="#dddddd"/>')
        out.append(text(place(value), height - 8, number(value), 11, "middle"))
    y = TOP
    for label, found in rows:
        out.append(text(LABEL - 8, y + len(found) * BAR / 2 + 4, label, 12, "end"))
        for name, value, target in found:
            colour = COLOURS[series.index(name) % len(COLOURS)]
            out.append(f'<rect x="{LABEL}" y="{y}" width="{max(1, place(value) - LABEL):.0f}" '
                       f'height="{BAR - 2}" fill="{colour}"/>')
            out.append(text(place(max(value, target or 0)) + 5, y + BAR - 4, number(value), 11))
            if target:
                out.append(f'<path d="M{place(target):.0f} {y - 1}v{BAR}" stroke="#000000" '
                           'stroke-width="2"/>')
            y += BAR
        y += GAP
    if at:
        out.append(f'<path d="M{place(at):.0f} {TOP - 8}V{height - 22}" stroke="#c2571a" '
                   'stroke-dasharray="5 4"/>')
    return "\n".join([*out, "</svg>"]) + "\n"
