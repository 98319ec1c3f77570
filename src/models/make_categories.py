"""Writes imagenet_categories.inc from the installed torchvision: python make_categories.py

The names of ImageNet-1K's classes as torchvision prints them, in the order of their indices.
"""
import pathlib
import sys
import types

import torch  # noqa: F401

sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")  # its compiled operators are not needed
from torchvision.models._meta import _IMAGENET_CATEGORIES  # noqa: E402

names = "".join(f'"{name}",\n' for name in _IMAGENET_CATEGORIES)
assert names.isascii() and "\\" not in names
pathlib.Path(__file__).with_name("imagenet_categories.inc").write_text(names)
