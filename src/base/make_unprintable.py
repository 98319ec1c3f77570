"""Writes unprintable.inc: the code points that Python's repr() escapes, as inclusive ranges (Unicode 14, Python 3.11)."""
import pathlib
import unicodedata

ranges, start = [], None
for code in range(0x110001):
    escaped = code < 0x110000 and code != 32 and not chr(code).isprintable()
    if escaped and start is None:
        start = code
    elif not escaped and start is not None:
        ranges.append("{0x%X, 0x%X}" % (start, code - 1))
        start = None

lines = ["// Made by make_unprintable.py (Unicode %s): %d ranges." % (unicodedata.unidata_version, len(ranges)), ""]
for item in ranges:
    if len(lines[-1]) + len(item) + 2 > 118:
        lines.append("")
    lines[-1] += ("" if not lines[-1] else " ") + item + ","
pathlib.Path(__file__).with_name("unprintable.inc").write_text("\n".join(lines) + "\n")
