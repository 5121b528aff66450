"""A picture of a terminal, as SVG: what a screen of pyte's has, in a window that is dark on any page."""

import html
import itertools
import re

WIDTH, HEIGHT, SIZE = 8.4, 18, 14
EDGE, BAR = 16, 34
COLOURS = {
    "default": "#d8dee9",
    "black": "#7b88a1",
    "red": "#ef7078",
    "green": "#a3d77e",
    "brown": "#f0cb7a",
    "blue": "#7fb4f0",
    "magenta": "#d69ee0",
    "cyan": "#7fd4cf",
    "white": "#eceff4",
}
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def svg(screen, title):
    """The rows of a screen, up to the last that has something."""
    rows = [_runs(screen, number) for number in range(screen.lines)]
    while rows and not rows[-1]:
        rows.pop()
    width = round(screen.columns * WIDTH + 2 * EDGE)
    height = len(rows) * HEIGHT + BAR + EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="{SIZE}">',
        f"<title>{html.escape(title)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#242933" stroke="#4c566a"/>',
    ]
    for number, colour in enumerate(("red", "brown", "green")):
        parts.append(f'<circle cx="{EDGE + 6 + 20 * number}" cy="17" r="6" fill="{COLOURS[colour]}"/>')
    for number, runs in enumerate(rows):
        y = BAR + HEIGHT * number + SIZE
        parts += [_text(*run, y) for run in runs]
    return "\n".join([*parts, "</svg>\n"])


def words(picture):
    """What a picture says, but for words with numbers in them, as times and versions have."""
    texts = re.findall(r"<text [^>]*>(.*?)</text>", picture)
    return [word for word in html.unescape(" ".join(texts)).split() if not re.search(r"\d", word)]


def _runs(screen, number):
    """What stands in a row in one colour: from which column on, the text, the colour, and whether bold."""
    cells = [screen.buffer[number][column] for column in range(screen.columns)]
    runs, column = [], 0
    for (colour, bold), group in itertools.groupby(cells, lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in group)
        if text.strip():
            lead = len(text) - len(text.lstrip())
            runs.append((column + lead, text.strip(), colour, bold))
        column += len(text)
    return runs


def _text(column, text, colour, bold, y):
    fill = COLOURS.get(colour.removeprefix("bright"), f"#{colour}")
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{EDGE + column * WIDTH:.1f}" y="{y}" textLength="{len(text) * WIDTH:.1f}" '
        f'xml:space="preserve" fill="{fill}"{weight}>{html.escape(text)}</text>'
    )
