#!/usr/bin/env python3
"""Writes data/golden.bin: pickles of all protocols, what CPython makes of them at protocol 2, and pickletools' text.

    python3 make_golden.py

Made with CPython 3.11's C pickler. Layout: u32 number of blobs, then each as u32 length and bytes; u32 number of rows, then each as
four u32: blobs of its name, of the pickle, of pickle.dumps(pickle.loads(pickle), 2), of pickletools.dis (an empty blob: not recorded).
"""
import argparse
import collections
import datetime
import decimal
import fractions
import functools
import io
import pathlib
import pickle
import pickletools
import random
import struct
import uuid

from golden_classes import (Colour, Keywords, Numbers, Outer, OwnState, Pair, Plain, Reduced, Slots, SlotsAndDict, Table, Text)

here = pathlib.Path(__file__).parent


def recursive():
    ring = [1]
    ring.append(ring)
    yield "list in itself", ring
    loop = {"a": 1}
    loop["self"] = loop
    yield "dict in itself", loop
    inner = []
    pair = (inner, 2)
    inner.append(pair)
    yield "tuple in itself", pair
    inner = []
    four = (1, 2, 3, inner)
    inner.append(four)
    yield "tuple of four in itself", four
    obj = Plain("loop", None)
    obj.parts = [obj, obj]
    yield "object in itself", obj
    numbers = Numbers([1])
    numbers.append(numbers)
    yield "list object in itself", numbers
    ordered = collections.OrderedDict(a=1)
    ordered["me"] = ordered
    ordered.note = ordered
    yield "ordered dict in itself", ordered
    one, two = Plain("one", None), Plain("two", None)
    one.parts, two.parts = (two,), (one,)
    yield "objects in a circle", [one, two]
    reduced = Reduced([])
    reduced.parts[0].append(reduced)
    yield "object in its own arguments", reduced


def objects():
    yield "plain object", Plain("x", [1, 2])
    yield "plain objects", [Plain("x", 1), Plain("y", {"name": 2}), Plain("name", "parts")]
    slots = Slots()
    slots.left, slots.right = 1, "right"
    yield "slots", slots
    both = SlotsAndDict()
    both.left, both.extra = "left", "extra"
    yield "slots and dict", both
    yield "own state", [OwnState(3), OwnState(4)]
    yield "reduced", [Reduced(), Reduced(1, "two", (3,)), Reduced((), Reduced())]
    yield "nested class", [Outer, Outer.Inner, Outer.Inner]
    yield "nested instance", Outer.Inner()
    yield "enum", [Colour.RED, Colour.BLUE, Colour.RED, {"colour": Colour}]
    yield "ordered dict", collections.OrderedDict([("weight", 1), ("bias", [2]), (3, None)])
    state_dict = collections.OrderedDict(weight=1.0, bias=2.0)
    state_dict._metadata = collections.OrderedDict([("", {"version": 1}), ("fc", {"version": 2}), ("x", {})])
    yield "ordered dict with state", [state_dict, state_dict]
    yield "empty ordered dict", collections.OrderedDict()
    yield "default dict", collections.defaultdict(list, {"a": [1], "b": []})
    yield "counter", collections.Counter([3, 3, 5])
    yield "deque", collections.deque([1, "2", 3.0], 5)
    yield "partial", functools.partial(int, "11", base=2)
    yield "standard library", [datetime.date(2024, 5, 6), datetime.timedelta(1, 2, 3), decimal.Decimal("1.50"),
                               fractions.Fraction(3, 4), uuid.UUID(int=5), pathlib.PurePosixPath("a/b")]
    yield "functions and types", [len, print, int, str, bytes, object, type(None), NotImplemented, Ellipsis, range(3), slice(1, None),
                                  OSError, FileNotFoundError, ModuleNotFoundError, functools.reduce, collections.UserDict]
    yield "exception", ValueError("bad", 3)


def objects_of_builtins():
    """Which protocols 0 and 1 write through copyreg._reconstructor; written again they stay so."""
    yield "keywords", [Keywords(1.5, unit="m"), Keywords(2.5, unit="m")]
    numbers = Numbers([1, 2, 3])
    numbers.title = "title"
    yield "list object", numbers
    yield "list object of one", Numbers(["x"])
    table = Table(a=1, b=2)
    table.title = "title"
    yield "dict object", table
    yield "str object", Text("text")
    yield "named tuple", [Pair(1, "two"), Pair([], ())]


def values():
    yield "atoms", [None, True, False, (), [], {}, set(), frozenset()]
    yield "integers", [0, 1, -1, 255, 256, 65535, 65536, -128, -129, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**32, 2**60 - 1, 2**60, -2**60,
                       -2**60 - 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64, 10**30, -10**30, 1 << 2039, -1 << 2039, (1 << 2040) - 7]
    yield "long integer", [1 << 2047, -(1 << 2048)]
    yield "floats", [0.0, -0.0, 1.0, -1.5, 1e300, 5e-324, 0.1, 1e16, 123456789.125, 1e-5, float("inf"), float("-inf"), float("nan")]
    yield "complex", [1j, complex(-0.0, 2.5)]
    yield "strings", ["", "a", "ab", "é", "ÿ", "Ā", "é", "a", "ab", "€uro", "\U0001f600", "\ud800", "it's", "\"q\" 'q'", "line\nbreak\\",
                      "\\u0041", "tab\t\x00\x7f\x85\xa0\xad\u2028\u200b"]
    yield "long strings", ["x" * 255, "y" * 256, "z" * 300]
    yield "bytes", [b"", b"a", b"a", b"\x80\xff", b"abc", b"", b"it's", bytes(range(20)), b"\\n"]
    yield "one byte twice", [b"a", "a", b"a", bytearray(b"a"), bytearray(b"a"), b"\xe9", "\xe9"]
    yield "bytearrays", [bytearray(), bytearray(b"a"), bytearray(b"\x00\xffxyz")]
    yield "tuples", [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((),), (((1,),),), ("a", "a", ("a",))]
    shared = ["shared"]
    key = "key" * 2
    yield "shared", [shared, shared, (shared, shared), {key: shared}, {key: key}, [key]]
    yield "equal but apart", [["same"], ["same"], "".join(["sa", "me"])]
    yield "dicts", [{1: 2}, {"a": 1, "b": {"c": [None]}}, {(1, 2): 3, 4.5: 6, None: 7, b"k": 8, True: 9}]
    yield "sets", [{1, 2, 3}, frozenset([7]), {"one"}, frozenset([(1, 2)])]


def large():
    for size in (1000, 1001, 2000):
        yield f"list of {size}", [None] * size
        yield f"list object of {size}", Numbers([None] * size)
    yield "dict of 1000", dict.fromkeys(range(1000))
    yield "ordered dict of 1001", collections.OrderedDict.fromkeys(range(1001))
    yield "tuple of 1001", (None,) * 1001
    yield "many memo slots", [[] for _ in range(260)]


def random_tree(rng, pool, depth=0):
    kind = rng.randrange(16 if depth < 5 else 8)
    if kind == 0:
        return rng.choice([None, True, False, (), "", b""])
    if kind == 1:
        return rng.randrange(-2**rng.randrange(1, 80), 2**rng.randrange(1, 80))
    if kind == 2:
        return rng.random() * 10.0**rng.randrange(-20, 20)
    if kind in (3, 4):
        made = "".join(rng.choice("abcdeéü€\U0001f40d_. ") for _ in range(rng.randrange(6)))
    elif kind == 5:
        made = bytes(rng.randrange(256) for _ in range(rng.randrange(5)))
    elif kind in (6, 7):
        return rng.choice(pool) if pool else None
    elif kind in (8, 9):
        made = [random_tree(rng, pool, depth + 1) for _ in range(rng.randrange(5))]
    elif kind in (10, 11):
        made = tuple(random_tree(rng, pool, depth + 1) for _ in range(rng.randrange(5)))
    elif kind in (12, 13):
        made = {f"k{i}": random_tree(rng, pool, depth + 1) for i in range(rng.randrange(4))}
    elif kind == 14:
        made = collections.OrderedDict((i, random_tree(rng, pool, depth + 1)) for i in range(rng.randrange(4)))
    else:
        made = Plain(random_tree(rng, pool, depth + 1), random_tree(rng, pool, depth + 1))
    pool.append(made)
    return made


def disassembled(data):
    out = io.StringIO()
    pickletools.dis(data, out)
    return out.getvalue().encode("utf-8", "surrogatepass")


def by_hand():
    """Streams that no pickler of today writes."""
    yield "Python 2 str", b"\x80\x02]q\x00(U\x02abq\x01T\x04\x00\x00\x00\xc3\xa9xye."
    yield "Python 2 OrderedDict", b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01(]q\x02(U\x01aq\x03K\x01e]q\x04(U\x01bq\x05K\x02ee\x85q\x06Rq\x07."
    yield "Python 2 names", b"(lp0\nc__builtin__\nunicode\nac__builtin__\nxrange\nac__builtin__\nlong\nacexceptions\nKeyError\nacUserDict\nUserDict\nacQueue\nQueue\nacitertools\nizip\na."
    yield "INST and OBJ", (b"(lp0\n(igolden_classes\nOuter\na(cgolden_classes\nReduced\nK\x01K\x02oa"
                           b"(K\x07igolden_classes\nReduced\na.")
    yield "dict with a key twice", b"\x80\x02}(X\x02\x00\x00\x00abK\x01X\x02\x00\x00\x00cdK\x02X\x02\x00\x00\x00abK\x03K\x01K\x04\x88K\x05u."
    yield "pops", b"\x80\x02K\x01K\x020(K\x03K\x041(0]2\x86."
    yield "memo out of order", b"\x80\x02]q\x05r\x00\x00\x00\x00h\x05a."
    yield "state twice", b"\x80\x02cgolden_classes\nPlain\n)\x81}X\x04\x00\x00\x00nameK\x01sb}(X\x05\x00\x00\x00partsK\x02X\x04\x00\x00\x00nameK\x03ub."
    yield "set added to twice", b"\x80\x04\x8f\x94(K\x01\x90(K\x02K\x03\x90."
    yield "text forms", b"(lp0\nI5\naI-7\naI01\naI00\naL123456789012345678901234567890L\naL-5\naF1.5\naF-1e100\naS'a\\n\\x41\\101'\naVa\\u20ac\\\\b\naN."


def rows():
    for values_of, protocols, shown in ((values, (0, 2, 5), (0, 5)), (objects, (0, 2, 4), ()),
                                      (objects_of_builtins, (2, 4), (4,)), (recursive, (1, 2, 5), (2,))):
        for name, value in values_of():
            for protocol in protocols:
                try:
                    data = pickle.dumps(value, protocol)
                    pickle.loads(data)
                except (RecursionError, TypeError, pickle.PicklingError):
                    continue
                yield f"{name}, protocol {protocol}", data, protocol in shown and len(data) < 600
    for name, value in large():
        yield name, pickle.dumps(value, 2), False
    for seed in range(24):
        yield f"random {seed}", pickle.dumps(random_tree(random.Random(seed), []), seed % 6), seed < 2
    for name, data in by_hand():
        yield name, data, True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    blobs, table = {b"": 0}, []

    def blob(data):
        return blobs.setdefault(data, len(blobs))

    for name, data, with_dis in rows():
        again = pickle.dumps(pickle.loads(data, encoding="utf-8"), 2)
        try:
            text = disassembled(data) if with_dis else b""
        except ValueError:
            text = b""
        table.append((blob(name.encode()), blob(data), blob(again), blob(text)))
    out = struct.pack("<I", len(blobs)) + b"".join(struct.pack("<I", len(data)) + data for data in blobs)
    out += struct.pack("<I", len(table)) + b"".join(struct.pack("<4I", *row) for row in table)
    (here / "data").mkdir(exist_ok=True)
    (here / "data" / "golden.bin").write_bytes(out)
    print(len(table), "rows,", len(out), "bytes")


if __name__ == "__main__":
    main()
