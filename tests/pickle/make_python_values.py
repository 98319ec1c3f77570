#!/usr/bin/env python3
"""Writes data/python_values.txt: values of the standard library as CPython pickles them, a name and hex per value."""
import argparse
import collections
import datetime as dt
import decimal
import fractions
import pathlib
import pickle
import uuid

from golden_classes import Colour, Pair



class Named:
    """Reduced as an Enum's member is by Python 3.11.0 to 3.11.3."""

    def __reduce__(self):
        return getattr, (Colour, "RED")


VALUES = {
    "date": dt.date(2024, 2, 29), "time": dt.time(23, 59, 58, 999999), "time in a zone": dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")),
    "datetime": dt.datetime(2024, 12, 31, 5, 6, 7, 8), "datetime in a zone": dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5.5))),
    "timedelta": dt.timedelta(microseconds=-1), "utc": dt.timezone.utc, "decimal": decimal.Decimal("-1.50"), "fraction": fractions.Fraction(6, 8),
    "complex": 1 - 2j, "range": range(1, 10, 3), "path": pathlib.PurePosixPath("/runs/exp 1/best.pth"), "relative path": pathlib.PurePosixPath("a/b"),
    "no path": pathlib.PurePosixPath(), "windows path": pathlib.PureWindowsPath("C:/runs/a"), "uuid": uuid.UUID("ffeeddcc-0123-4567-89ab-00112233445f"),
    "small uuid": uuid.UUID(int=5), "enum": Named(), "namedtuple": Pair(1, 2), "counter": collections.Counter("aab"), "deque": collections.deque([1, 2], 5),
    "defaultdict": collections.defaultdict(list, {"k": [1]}), "namespace": argparse.Namespace(lr=0.1)}
FOLDED = {"datetime folded": dt.datetime(2024, 10, 27, 2, 30, fold=1), "time folded": dt.time(2, 30, fold=1)}

with open(pathlib.Path(__file__).parent / "data/python_values.txt", "w") as out:
    for name, value in VALUES.items():
        print(name, pickle.dumps(value, 2).hex(), sep="\n", file=out)
    for name, value in FOLDED.items():  # kept from protocol 4 on
        print(name, pickle.dumps(value, 4).hex(), sep="\n", file=out)
