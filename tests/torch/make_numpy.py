#!/usr/bin/env python3
"""Writes data/numpy.txt: numpy values pickled, and what Python makes of them when it loads and saves them at protocol 2.

    python3 make_numpy.py        (numpy 2, CPython 3.11)

Three lines each: what it is, the pickle in hex, pickle.dumps(pickle.loads(pickle), 2) in hex.
"""
import pathlib
import pickle

import numpy as np

single = np.dtype("f4")
CASES = [
    ("a big-endian array", np.array([1.5, -2], ">f4"), 2),
    ("big-endian arrays and a little one of their type", [np.array([1, 2], ">i2"), np.array([3], ">i2"), np.array([4], "i2")], 2),
    ("complex, text and dates, big-endian", [np.array([1 + 2j], ">c8"), np.array(["ab", "é"], ">U2"), np.array([5], ">M8[us]")], 2),
    ("a record with a big-endian field, which stays", np.zeros(2, [("x", "f4"), ("y", ">i2")]), 2),
    ("scalars, an array and the dtype itself", [np.float32(1), np.zeros(1, single), single, np.float32(2), np.float64(3)], 2),
    ("text and bytes scalars", [np.str_("q"), np.bytes_(b"xy"), np.datetime64(7, "D")], 2),
    ("protocol 5", {"c": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.arange(6, dtype="u2").reshape(2, 3)), "0": np.array(7)}, 5),
    ("protocol 5, read-only and big-endian", np.frombuffer(b"\0\1\0\2", ">i2"), 5),
    ("protocol 5, dates, which no buffer holds", [np.array([5], "M8[us]"), np.arange(2.0), np.array([6], "m8[s]")], 5),
    ("objects", np.array([None, "text", {"a": 1}], object), 5),
]

with open(pathlib.Path(__file__).parent / "data/numpy.txt", "w") as out:
    for name, value, protocol in CASES:
        stream = pickle.dumps(value, protocol)
        print(name, stream.hex(), pickle.dumps(pickle.loads(stream), 2).hex(), sep="\n", file=out)
