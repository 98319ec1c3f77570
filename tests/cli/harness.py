"""What the command's tests share: running it, and .pth files made without torch."""
import collections
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import types
import unittest
import zipfile

FLAMBEAU = os.environ["FLAMBEAU"]  # path of the command under test


def run(*words, env=None, **options):
    """Exit status, standard output, standard error of one call."""
    done = subprocess.run([FLAMBEAU, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env={**os.environ, **(env or {})}, timeout=120, **options)
    return done.returncode, done.stdout, done.stderr


# Stand-ins, so that pickle writes torch's names.
def _module(name, **content):
    module = types.ModuleType(name)
    for key, value in content.items():
        if hasattr(value, "__module__"):
            value.__module__ = name
        setattr(module, key, value)
    sys.modules[name] = module
    return module


def _rebuild_tensor_v2(*args):
    raise NotImplementedError


class FloatStorage:
    pass


class HalfStorage:
    pass


_module("torch", FloatStorage=FloatStorage, HalfStorage=HalfStorage)
_module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)
STORAGES = {"f": FloatStorage, "e": HalfStorage}


class Tensor:
    """Values (row-major) with a shape; `key` names the storage, so that tensors can share one."""

    def __init__(self, values, shape=None, key=None, kind="f"):
        self.values, self.kind = values, kind
        self.shape = tuple([len(self.values)] if shape is None else shape)
        self.key = key

    def strides(self):
        strides, step = [], 1
        for size in reversed(self.shape):
            strides.insert(0, step)
            step *= max(size, 1)
        return tuple(strides)

    def pieces(self):
        yield struct.pack(f"<{len(self.values)}{self.kind}", *self.values)

    def __reduce__(self):
        return _rebuild_tensor_v2, (Storage(self), 0, self.shape, self.strides(), False, collections.OrderedDict())


class Zeros(Tensor):
    """So many bytes of zeros."""

    def __init__(self, size):
        super().__init__(range(size // 4))

    def pieces(self):
        for _ in range(len(self.values) >> 18):
            yield bytes(1 << 20)


class Storage:
    def __init__(self, tensor):
        self.tensor = tensor


def write_pth(path, root, compression=zipfile.ZIP_STORED):
    """A file as torch.save writes it, as far as readers care."""
    records = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if not isinstance(thing, Storage):
                return None
            tensor = thing.tensor
            if tensor.key is None:
                tensor.key = str(len(records))
            records[tensor.key] = tensor
            return "storage", STORAGES[tensor.kind], tensor.key, "cpu", len(tensor.values)

    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump(root)
    name = pathlib.Path(path).stem
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        archive.writestr(f"{name}/data.pkl", stream.getvalue())
        archive.writestr(f"{name}/byteorder", "little")
        for key, tensor in records.items():
            with archive.open(f"{name}/data/{key}", "w", force_zip64=True) as record:
                for piece in tensor.pieces():
                    record.write(piece)
        archive.writestr(f"{name}/version", "3\n")


def state(**tensors):
    return collections.OrderedDict((name.replace("__", "."), tensor) for name, tensor in tensors.items())


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def ok(self, *words, **options):
        status, out, err = run(*words, **options)
        self.assertEqual(status, 0, f"flambeau {' '.join(map(str, words))}: {err}")
        return out

    def fails(self, expected, *words, **options):
        status, out, err = run(*words, **options)
        self.assertEqual(status, expected, f"flambeau {' '.join(map(str, words))}: {out}{err}")
        self.assertTrue(err, "a failure says why")
        return err

    def small(self, name="small.pth"):
        path = self.folder / name
        write_pth(path, state(fc__weight=Tensor(range(6), (2, 3)), fc__bias=Tensor([0.5, -1.5])))
        return path
