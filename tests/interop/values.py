"""Seeded random trees of Python's own values: what pickle alone can write."""
import argparse
import array
import collections
import datetime
import decimal
import fractions
import ipaddress
import math
import operator
import pathlib
import random
import types
import uuid

from tree_classes import Colour, Config, Level, Numbers, Outer, OwnState, Plain, Point, Reduced, Slots, SlotsAndDict, Table, Text

try:
    from omegaconf import OmegaConf
except ImportError:  # training configurations: where it is installed
    OmegaConf = None

WORDS = ("weight", "bias", "state", "epoch", "lr", "model", "running_mean", "0", "1", "17", "a", "b", "z", "é", "params", "layer.0.weight", "",
         "name with blanks", "ключ", "層", "🔥", "q", "exp_avg", "step")


def fresh(text):
    """A string of its own: never the literal's object (but for those of one character, which Python has once)."""
    return "".join(list(text)) if len(text) != 1 else chr(ord(text))


def settled(items, kind=set):
    """A set whose order does not change when it is written and read again. Python's order depends on how the set came about."""
    made = kind(items)
    for _ in range(8):
        order = list(made)
        made = kind(order)
        if list(made) == order:
            return made
    return kind(list(made)[:1])


class Values:
    """One random tree. Subclasses add leaves and containers to the two tables."""

    def __init__(self, seed, safe=False, protocol=2):
        self.random = random.Random(seed)
        self.safe = safe  # only what torch.load(weights_only=True) takes
        self.protocol = protocol  # some classes reduce themselves otherwise in others, and are written back as they were read
        self.made = []
        self.open = []  # containers that are being filled: a value inside may refer to them
        self.left = self.random.choice((4, 12, 30, 60))
        self.depth = 0
        self.restored_by_code = False  # by a __setstate__ of its own, which may leave other strings shared: bytes differ then
        self.leaves = [self.integer] * 4 + [self.floating] * 2 + [self.text] * 6 + [self.constant] * 2 + [self.bytes, self.bytearray, self.complex]
        self.containers = [self.list] * 3 + [self.tuple] * 3 + [self.dict] * 5 + [self.ordered] * 3 + [self.set]
        if not safe:
            self.leaves += [self.standard] * 3 + [self.global_]
            self.containers += [self.frozenset, self.object, self.object, self.collection]
            if OmegaConf and protocol > 1:
                self.containers.append(self.configuration)

    def tree(self):
        """The root: mostly a dict, as in checkpoints."""
        r = self.random.random()
        return self.ordered() if r < 0.3 else self.dict() if r < 0.8 else self.value()

    def value(self):
        self.left -= 1
        r = self.random.random()
        if self.made and r < 0.08:
            return self.random.choice(self.made)
        if self.open and r < 0.09 and not self.safe:
            return self.random.choice(self.open)
        if self.left <= 0 or self.depth > 6 or r < 0.6:
            made = self.random.choice(self.leaves)()
        else:
            self.depth += 1
            made = self.random.choice(self.containers)()
            self.depth -= 1
        self.made.append(made)
        return made

    def values(self, most=6):
        return [self.value() for _ in range(self.random.randrange(most))]

    # Leaves.
    def integer(self):
        bits = self.random.choice((1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 59, 60, 61, 62, 63, 64, 65, 130, 0 if self.safe else 2050))
        edge = (1 << bits) + self.random.randrange(-2, 3) if self.random.random() < 0.3 else self.random.getrandbits(bits) if bits else 0
        return self.random.choice((1, -1)) * edge

    def floating(self):
        return self.random.choice((0.0, -0.0, math.inf, -math.inf, math.nan, 1e-3, 5e-324, self.random.random(), self.random.gauss(0, 1e9)))

    def text(self):
        r = self.random.random()
        if r < 0.5:
            text = self.random.choice(WORDS)
            return text if self.random.random() < 0.5 else fresh(text)
        if r < 0.6:
            return chr(self.random.randrange(256))
        if r < 0.65:
            return "a\ud800" + chr(self.random.randrange(0xDC00, 0xE000))
        if r < 0.68:
            return "long " * self.random.choice((60, 60, 60, 14000))
        return "".join(chr(self.random.choice((self.random.randrange(32, 127), self.random.randrange(0x100, 0xD000), self.random.randrange(32), 0x1F525)))
                       for _ in range(self.random.randrange(12)))

    def constant(self):
        return self.random.choice((None, True, False, ()) if self.safe else (None, True, False, (), Ellipsis, NotImplemented, b""))

    def some_bytes(self, least=0):
        return self.random.randbytes(self.random.choice((least, 1, 1, 2, 5, 300)))

    def bytes(self):
        return self.some_bytes(least=1 if self.safe else 0)

    def bytearray(self):
        return bytearray(self.some_bytes())

    def complex(self):
        return complex(self.floating(), self.floating())

    def global_(self):
        return self.random.choice((int, str, list, dict, range, set, complex, type(None), collections.OrderedDict, collections.defaultdict, Plain,
                                   Outer, Outer.Inner, Colour, KeyError, math.sqrt, len, datetime.datetime, fractions.Fraction, object, property))

    def standard(self):
        r = self.random
        day = datetime.date(r.randrange(1, 9999), r.randrange(1, 13), r.randrange(1, 29))
        zone = r.choice((None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(minutes=r.randrange(-720, 720))),
                         datetime.timezone(datetime.timedelta(hours=1), "CET")))
        clock = datetime.time(r.randrange(24), r.randrange(60), r.randrange(60), r.randrange(10 ** 6), zone, fold=r.randrange(2) if self.protocol < 4 else 0)
        names = [fresh(r.choice(("data", "runs", "exp 1", "best.pth", "ü"))) for _ in range(r.randrange(1, 4))]
        return r.choice((
            lambda: day, lambda: clock, lambda: datetime.datetime.combine(day, clock),
            lambda: datetime.timedelta(r.randrange(-999, 999), r.randrange(86400), r.randrange(10 ** 6)), lambda: zone or datetime.timezone.utc,
            lambda: decimal.Decimal(r.randrange(-10 ** 20, 10 ** 20)).scaleb(r.randrange(-9, 9)), lambda: decimal.Decimal("NaN"),
            lambda: fractions.Fraction(r.randrange(-99, 99), r.randrange(1, 99)), lambda: uuid.UUID(int=r.getrandbits(128)),
            lambda: range(r.randrange(-5, 5), r.randrange(99), r.randrange(1, 4)), lambda: slice(r.choice((None, 1)), r.choice((None, 7, -1)), None),
            lambda: pathlib.PurePosixPath(*names), lambda: pathlib.PosixPath("/", *names), lambda: pathlib.PureWindowsPath("C:\\", *names),
            lambda: Colour.RED, lambda: Colour.GREEN, lambda: Level.HIGH, lambda: ipaddress.ip_address(r.getrandbits(32)),
            lambda: random.Random(r.getrandbits(30)),
            lambda: KeyError(self.text()), lambda: ValueError(self.text(), r.randrange(9)), lambda: StopIteration(), lambda: operator.itemgetter(1),
            *([] if self.protocol != 2 else [lambda: array.array(r.choice("bBhiqfd"), [r.randrange(100) for _ in range(r.randrange(5))])]),
            *([] if self.protocol < 2 else [lambda: Text("a " + self.text())]), lambda: Outer.Inner()))()

    # Containers.
    def key(self):
        r = self.random.random()
        if r < 0.75:
            return self.text()
        if r < 0.9:
            return self.random.choice((self.integer, self.floating, self.constant))() if not self.safe else self.integer()
        if r < 0.95:
            return tuple(self.random.choice((self.text, self.integer))() for _ in range(self.random.randrange(4)))
        return self.bytes()

    def opened(self, container):
        self.open.append(container)
        self.made.append(container)
        return container

    def list(self):
        made = self.opened([])
        made.extend(self.values(self.random.choice((4, 8))))
        if self.random.random() < 0.006:
            made.extend([None] * self.random.choice((991, 1000, 1001, 1990)))
        self.open.pop()
        return made

    def tuple(self):
        return tuple(self.values())

    def dict(self, made=None):
        made = self.opened({} if made is None else made)
        for _ in range(self.random.randrange(self.random.choice((3, 8)))):
            made[self.key()] = self.value()
        if self.random.random() < 0.006:
            base = self.random.randrange(10 ** 6)
            made.update((base + i, i) for i in range(self.random.choice((992, 999, 1000, 1001, 2000)) - len(made)))
        self.open.pop()
        return made

    def ordered(self):
        made = self.dict(collections.OrderedDict())
        if self.random.random() < 0.4:
            made._metadata = collections.OrderedDict((self.text(), {"version": self.random.randrange(4)}) for _ in range(self.random.randrange(4)))
        return made

    def atoms(self):
        return [self.random.choice((self.text, self.integer, self.constant))() for _ in range(self.random.randrange(6))]

    def set(self):
        return settled(self.atoms())

    def frozenset(self):
        return settled(self.atoms(), frozenset)

    def attributes(self):
        names = ("rate", "w", "x", "z", "value", "config", "_private", "name")
        return {name: self.value() for name in self.random.sample(names, self.random.randrange(5))}

    def object(self):
        r = self.random.randrange(11)
        if self.protocol < 2 and r in (1, 2, 3, 9, 10):  # slots are refused, subclasses of builtins go through copyreg._reconstructor
            r = 0
        if r == 0:
            made = self.opened(Plain())
            made.__dict__.update(self.attributes())
            self.open.pop()
            return made
        if r == 1:
            return Slots(self.value(), self.value(), self.value())
        if r == 2:
            made = SlotsAndDict(self.value(), self.value(), self.value())
            made.__dict__.update(self.attributes())
            return made
        if r == 3:
            return Point(self.value(), self.value())
        if r == 4:
            return Config(self.floating(), (1, 2), self.value())
        if r == 5:
            made = Reduced(*self.values(4))
            made.extend(self.values(4))
            made.table.update((self.text(), self.value()) for _ in range(self.random.randrange(3)))
            return made
        if r == 6:
            return OwnState(self.value())
        if r == 7:
            return argparse.Namespace(**self.attributes())
        if r == 8:
            return types.SimpleNamespace(**self.attributes())
        if r == 9:
            return Numbers(self.values())
        return Table((self.text(), self.value()) for _ in range(self.random.randrange(4)))

    def configuration(self, depth=0):
        r = self.random
        leaf = (lambda: r.randrange(99), r.random, lambda: r.choice((None, True, "???", "${lr}", "adam")))
        branch = lambda: r.choice((*leaf, lambda: self.configuration(depth + 1)) if depth < 3 else leaf)()  # noqa: E731
        self.restored_by_code = True
        items = {name: branch() for name in r.sample(("lr", "model", "epochs", "data", "seed"), r.randrange(5))}
        return OmegaConf.create(items if r.random() < 0.7 else list(items.values()))

    def collection(self):
        r = self.random.randrange(6)
        if r == 0:
            return collections.deque(self.values(), self.random.choice((None, 9)))
        if r == 1:
            return collections.Counter({self.text(): self.random.randrange(99) for _ in range(self.random.randrange(4))})
        if r == 2:
            made = collections.defaultdict(self.random.choice((list, int, None, dict)))
            made.update((self.text(), self.value()) for _ in range(self.random.randrange(4)))
            return made
        if r == 3:
            return collections.UserDict({self.text(): self.value() for _ in range(self.random.randrange(3))})
        if r == 4:
            return collections.ChainMap({self.text(): self.value()}, {})
        return types.MethodType(Plain.describe, Plain()) if self.random.random() < 0.1 else collections.UserList(self.values())
