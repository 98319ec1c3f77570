"""Classes that the random trees hold: what people define beside their training loop."""
import collections
import dataclasses
import enum

Point = collections.namedtuple("Point", ["row", "column"])


class Colour(enum.Enum):
    RED = 1
    GREEN = "leaf"


class Level(enum.IntEnum):
    LOW = 0
    HIGH = 7


@dataclasses.dataclass
class Config:
    rate: float = 0.1
    layers: tuple = (64, 32)
    label: object = "base"


class Plain:
    """Keeps whatever it is given as attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def describe(self):
        return sorted(self.__dict__)


class Slots:
    __slots__ = ("left", "b", "zz")

    def __init__(self, left, b, zz):
        self.left, self.b, self.zz = left, b, zz


class SlotsAndDict(Slots):
    pass


class Reduced:
    """Travels through its own reduce: a call with arguments, then list items and dict items."""

    def __init__(self, *parts):
        self.parts, self.items, self.table = parts, [], {}

    def __reduce__(self):
        return Reduced, self.parts, None, iter(self.items), iter(self.table.items())

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.table[key] = value


class OwnState:
    """A state that is no dict."""

    def __init__(self, value=None):
        self.value = value

    def __getstate__(self):
        return (self.value, 1)

    def __setstate__(self, state):
        self.value = state[0]


class Outer:
    class Inner:
        pass


class Numbers(list):
    pass


class Table(dict):
    pass


class Text(str):
    pass
