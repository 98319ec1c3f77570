"""Classes that golden pickles name."""
import collections
import enum


class Plain:
    def __init__(self, name, parts):
        self.name = name
        self.parts = parts


class Slots:
    __slots__ = ("left", "right")


class SlotsAndDict(Slots):
    __slots__ = ("__dict__",)


class OwnState:
    def __init__(self, number):
        self.number = number

    def __getstate__(self):
        return [self.number, "own"]

    def __setstate__(self, state):
        self.number = state[0]


class Keywords(float):
    def __new__(cls, value, *, unit):
        made = super().__new__(cls, value)
        made.measured_in = unit
        return made

    def __getnewargs_ex__(self):
        return (float(self),), {"unit": self.measured_in}


class Reduced:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return Reduced, self.parts


class Numbers(list):
    pass


class Table(dict):
    pass


class Text(str):
    pass


class Outer:
    class Inner:
        pass


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


Pair = collections.namedtuple("Pair", "first second")
