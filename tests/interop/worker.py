"""worker.py DRIVER SUITE FIRST LAST SHOW: compares the trees of the seeds [FIRST, LAST). See interop.py."""
import collections
import io
import pickle
import pickletools
import struct
import subprocess
import sys
import warnings
import zipfile

warnings.filterwarnings("ignore")

from same import Different, Same  # noqa: E402
from values import Values  # noqa: E402

sys.setrecursionlimit(20000)


class Flambeau:
    """The driver as a function."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, operation, payload):
        self.process.stdin.write(operation + struct.pack("<I", len(payload)) + payload)
        self.process.stdin.flush()
        sign, size = struct.unpack("<cI", self.process.stdout.read(5))
        answer = self.process.stdout.read(size)
        if sign == b"-":
            raise Different("flambeau: " + answer.decode("utf-8", "replace"))
        return answer


def pickle_of(file):
    archive = zipfile.ZipFile(io.BytesIO(file))
    return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


class Suite:
    def __init__(self, name, driver):
        self.name, self.flambeau, self.counts = name, Flambeau(driver), collections.Counter()

    def need_bytes(self, ours, theirs, what):
        self.counts[what] += 1
        if ours != theirs:
            at = next((i for i, (x, y) in enumerate(zip(ours, theirs)) if x != y), min(len(ours), len(theirs)))
            raise Different(f"{what}: {len(ours)} and {len(theirs)} bytes, different from byte {at} on")

    # CPython's pickle.
    def pickles(self, seed):
        protocol = seed % 6
        values = Values(seed, protocol=protocol)
        stream = pickle.dumps(values.tree(), protocol)
        mine = self.flambeau(b"p", stream)
        if values.restored_by_code:
            Same().check(pickle.loads(stream), pickle.loads(mine))
            self.counts["pickles that CPython reads alike"] += 1
        else:
            self.need_bytes(mine, pickle.dumps(pickle.loads(stream), 2), "pickles equal to CPython's")
        listing = io.StringIO()
        pickletools.dis(stream, listing)
        self.need_bytes(self.flambeau(b"d", stream), listing.getvalue().encode("utf-8", "backslashreplace"), "disassemblies equal to pickletools'")

    # PyTorch.
    def load(self, data, safe):
        return torch.load(io.BytesIO(data), weights_only=safe)

    def save(self, tree, **options):
        file = io.BytesIO()
        torch.save(tree, file, **options)
        return file.getvalue()

    def torch(self, seed):
        safe = seed % 2 == 0
        legacy = seed % 8 < 2
        protocol = 2 if safe or seed % 3 else seed // 3 % 4 + 2
        values = TorchValues(seed, safe, legacy, protocol)
        tree = values.tree()
        data = self.save(tree, pickle_protocol=protocol)
        self.counts["of these of protocol 3 to 5"] += protocol > 2
        # torch 1.13 writes POP or POP_MARK for a tuple that its own items led to; its weights_only knows neither opcode.
        if safe and not NEW and any(code.name in ("POP", "POP_MARK") for code, _, _ in pickletools.genops(pickle_of(data))):
            safe = False
        mine = self.flambeau(b"z", data)
        if NEW and not values.restored_by_code:
            self.need_bytes(mine, self.save(self.load(data, False)), "files equal to torch's")
        if mine == data and seed % 16:  # the very file that torch wrote: there is little to compare
            self.counts["of these what torch wrote at first"] += 1
        else:
            Same().check(self.load(data, safe), self.load(mine, safe))
        self.counts["trees from torch"] += 1
        self.counts["of these with weights_only"] += safe
        if legacy:
            self.legacy(tree, data, safe)
        safe = NEW and seed % 4 == 0
        recipe = struct.pack("<Q??", seed, not NEW, safe)
        made = self.flambeau(b"m", recipe)
        found = self.flambeau(b"c", recipe + self.save(self.load(made, safe)))
        if found:
            raise Different("built by flambeau: " + found.decode())
        self.counts["trees from flambeau"] += 1
        if seed % 8 == 3:
            self.made_legacy(recipe, self.load(made, safe), safe)

    def made_legacy(self, recipe, tree, safe):
        """A legacy file of Flambeau's own making, wherever torch can read its own of the same tree."""
        try:
            self.load(self.save(tree, _use_new_zipfile_serialization=False), safe)
        except (AttributeError, RuntimeError, TypeError, pickle.UnpicklingError):  # see below
            return
        found = self.flambeau(b"c", recipe + self.save(self.load(self.flambeau(b"n", recipe), safe)))
        if found:
            raise Different("built by flambeau as legacy: " + found.decode())
        self.counts["legacy files from flambeau"] += 1

    def legacy(self, tree, data, safe):
        """Where torch itself can read back what it writes."""
        try:
            old = self.save(tree, _use_new_zipfile_serialization=False)
            again = self.load(old, safe)
        except (AttributeError, RuntimeError, TypeError, pickle.UnpicklingError):  # new dtypes and untyped storages: torch's own bug
            return
        Same().check(again, self.load(self.flambeau(b"z", old), safe))
        Same().check(again, self.load(self.flambeau(b"l", old), safe))
        self.counts["trees through legacy files"] += 1

    def run(self, first, last, show):
        differences = 0
        for seed in range(first, last):
            try:
                (self.pickles if self.name == "pickles" else self.torch)(seed)
            except Exception as error:  # what torch and pickle throw counts, too
                differences += 1
                if differences <= show:
                    text = f"{type(error).__name__}: {error}" if not isinstance(error, Different) else str(error)
                    print(f"seed {seed}: {text[:400]}".encode("ascii", "backslashreplace").decode(), flush=True)
        done = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        print(f"{self.name}: seeds {first} to {last}: {done}, {differences} differences", flush=True)
        return differences


if __name__ == "__main__":
    driver, name, first, last, show = sys.argv[1:]
    if name != "pickles":
        import torch

        from torch_values import NEW, TorchValues

        torch.set_num_threads(1)
    sys.exit(1 if Suite(name, driver).run(int(first), int(last), int(show)) else 0)
