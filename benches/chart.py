"""Plots as SVG: lines over how many there are, both on logarithmic scales, so that what is linear is a
straight line of slope one. The background is drawn too, so that they can be read on any page."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 70, 52
COLOURS = ["#b3261e", "#6b6b6b", "#0b57d0"]
FONT = "font-family='system-ui, sans-serif'"


def drawn(title, lines):
    """The plot of lines: by their names, points of a number and a median with its quartiles."""
    points = [point for line in lines.values() for point in line]
    across = Scale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    up = Scale([y for _, spread in points for y in spread], HEIGHT - BOTTOM, TOP, decades=True)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>",
        f"<title>{escape(title)}</title>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' rx='8' fill='#ffffff'/>",
        label(LEFT, 26, title, size=15),
        *axes(across, up, sorted({x for x, _ in points})),
    ]
    for index, (name, line) in enumerate(lines.items()):
        colour = COLOURS[index]
        parts += curve(line, across, up, colour)
        parts.append(f"<rect x='{LEFT + index * 180}' y='40' width='14' height='4' fill='{colour}'/>")
        parts.append(label(LEFT + 20 + index * 180, 47, name))
    return "\n".join([*parts, "</svg>", ""])


class Scale:
    """Where a value stands."""

    def __init__(self, values, begin, end, decades=False):
        low, high = math.log10(min(values)), math.log10(max(values))
        if decades:
            low, high = math.floor(low), math.ceil(high)
        self.low, self.high = low, max(high, low + 0.1)
        self.begin, self.end = begin, end

    def __call__(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.begin + part * (self.end - self.begin), 1)


def axes(across, up, numbers):
    for exponent in range(up.low, math.floor(up.high) + 1):
        y = up(10.0**exponent)
        yield f"<path d='M{LEFT} {y}H{WIDTH - RIGHT}' stroke='#d8d8d8'/>"
        yield label(LEFT - 8, y + 4, f"{10.0**exponent:g} s", anchor="end")
    for number in numbers:
        x = across(number)
        yield f"<path d='M{x} {TOP}V{HEIGHT - BOTTOM}' stroke='#ececec'/>"
        yield label(x, HEIGHT - BOTTOM + 20, str(number), anchor="middle")


def curve(line, across, up, colour):
    path = " L".join(f"{across(x)} {up(spread[0])}" for x, spread in line)
    yield f"<path d='M{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
    for x, (middle, low, high) in line:
        bar = f"d='M{across(x)} {up(low)}V{up(high)}' stroke-width='5' opacity='0.4'"
        yield f"<path {bar} stroke='{colour}'/>"
        yield f"<circle cx='{across(x)}' cy='{up(middle)}' r='3.5' fill='{colour}'/>"


def label(x, y, words, anchor="start", size=13):
    style = f"{FONT} font-size='{size}' fill='#202020' text-anchor='{anchor}'"
    return f"<text x='{x}' y='{y}' {style}>{escape(words)}</text>"
