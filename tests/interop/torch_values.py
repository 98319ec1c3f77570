"""Random trees with what only torch and numpy can write: tensors of every kind, storages, modules, optimizers, arrays."""
import collections
import warnings

import numpy
import torch

from tree_classes import Plain
from values import WORDS, Values, fresh

NEW = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 13)
OLD_DTYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64, torch.bfloat16, torch.bool,
              torch.complex64, torch.complex128]
NEW_DTYPES = [getattr(torch, name) for name in (
    "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "complex32", "uint16", "uint32",
    "uint64", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2") if NEW]
SHELLS = [getattr(torch, f"{kind}{bits}") for kind in ("int", "uint") for bits in range(1, 8) if NEW]
REAL = [torch.float16, torch.float32, torch.float64]


class Scaled(torch.Tensor):
    """A plain subclass: the same storage under another class."""


class Wrapper(torch.Tensor):
    """A wrapper subclass: shape and dtype, but no storage."""

    @staticmethod
    def __new__(cls, shape, dtype=torch.float32):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=dtype)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise NotImplementedError(f"{function}")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(2, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.register_buffer("scratch", torch.ones(2), persistent=False)
        self.register_parameter("absent", None)
        self.names = ["a", fresh("fc")]


class TorchValues(Values):
    def __init__(self, seed, safe=False, legacy=False, protocol=2):
        super().__init__(seed, safe, protocol)
        self.legacy = legacy  # a legacy file's storages are filled last: torch cannot read what looks at them before
        self.bases = []
        self.leaves += [self.tensor] * 12 + [self.torch_value] * 2
        if NEW or not safe:  # 1.13 does not take these with weights_only
            self.leaves += [self.special_tensor] * 3
        if safe and not NEW:  # nor floats, sets, bytes, storages
            drop = {self.floating, self.bytes, self.bytearray, self.complex}
            self.leaves = [leaf for leaf in self.leaves if leaf not in drop]
            self.containers = [made for made in self.containers if made != self.set]
        if not safe:
            self.leaves += [self.array] * 2 + [self.scalar] * 2 + [self.storage, self.numpy_dtype]
            self.containers += [self.module]
        self.containers += [self.state_dict, self.optimizer] if NEW or not safe else [self.state_dict]

    def key(self):
        key = super().key()
        while self.safe and not NEW and not isinstance(key, (str, int)):
            key = super().key()
        return key

    def dtype(self):
        return self.random.choice(OLD_DTYPES * 2 + NEW_DTYPES)

    def base(self):
        """A tensor of one dimension that views look into."""
        if self.bases and self.random.random() < 0.3:
            return self.random.choice(self.bases)
        dtype = self.dtype()
        count = self.random.choice((1, 2, 6, 7, 24, 60))
        raw = self.random.randbytes(count * torch.empty(0, dtype=dtype).element_size())
        if dtype == torch.bool:
            raw = bytes(byte & 1 for byte in raw)
        made = torch.frombuffer(bytearray(raw), dtype=torch.uint8).clone().view(dtype)
        self.bases.append(made)
        return made

    def view(self, base):
        r = self.random.random()
        count = base.numel()
        if r < 0.3:
            return base
        if r < 0.5 and base.element_size() and count % 2 == 0:
            made = base.as_strided((2, count // 2), (count // 2, 1))
            return made if self.random.random() < 0.5 else base.as_strided((count // 2, 2), (1, count // 2))
        if r < 0.6:
            return base.as_strided((), (), self.random.randrange(count))
        if r < 0.7:
            return base.as_strided((self.random.randrange(3), 0, 2), (2, 1, 1), self.random.randrange(count + 1))
        shape, stride, last = [], [], 0
        offset = self.random.randrange(count)
        for _ in range(self.random.randrange(4)):
            size, step = self.random.randrange(1, 4), self.random.choice((0, 1, 1, 2, 3, 6))
            if offset + last + (size - 1) * step < count:
                shape.append(size), stride.append(step)
                last += (size - 1) * step
        return base.as_strided(shape, stride, offset)

    def tensor(self):
        made = self.view(self.base())
        differentiable = made.dtype.is_floating_point and made.dtype in REAL + [torch.bfloat16] or made.dtype in (torch.complex64, torch.complex128)
        r = self.random.random()
        if r < 0.15 and made.dtype in OLD_DTYPES:
            made = torch.nn.Parameter(made.detach(), requires_grad=differentiable and self.random.random() < 0.7)
        elif r < 0.25 and differentiable:
            made = made.detach().requires_grad_()
        elif r < 0.3:
            return torch.empty((0,) * self.random.randrange(1, 3), dtype=made.dtype)
        return made

    def dense(self, *shape):
        return torch.tensor([self.random.choice((0.0, 0.0, 1.5, -2.0)) for _ in range(torch.Size(shape).numel())]).reshape(shape).to(self.random.choice(REAL))

    def special_tensor(self):
        kinds = [self.meta, self.coo, self.per_tensor, self.per_channel]
        if NEW or not self.safe:
            kinds += [self.compressed]
        if NEW:
            kinds += [self.conjugate, self.negative, self.with_attributes, self.buffer] + ([] if self.legacy else [self.nested])
            kinds += [] if self.safe else [self.subclass, self.wrapper] + ([] if self.legacy else [self.jagged, self.generator])
        return self.random.choice(kinds)()

    def meta(self):
        made = torch.empty(self.random.randrange(3), 2, device="meta", dtype=self.random.choice(OLD_DTYPES))
        return torch.nn.Parameter(made) if made.dtype in REAL else made

    def coo(self):
        made = self.dense(3, self.random.randrange(1, 4), 2).to_sparse(self.random.choice((1, 2, 3)))
        return made if self.random.random() < 0.5 else torch.sparse_coo_tensor(torch.tensor([[1, 1, 0]]), self.dense(3), (2,))

    def compressed(self):
        dense = self.dense(4, 6)
        kinds = [lambda: dense.to_sparse_csr()]
        if NEW:
            kinds += [lambda: dense.to_sparse_csc(), lambda: dense.to_sparse_bsr((2, 3)), lambda: dense.to_sparse_bsc((2, 2)),
                      lambda: torch.stack([dense, dense]).to_sparse_csr()]
        return self.random.choice(kinds)()

    def per_tensor(self):
        return torch.quantize_per_tensor(self.dense(2, 3).float(), self.random.random() + 0.01, self.random.randrange(5),
                                         self.random.choice((torch.qint8, torch.quint8, torch.qint32)))

    def per_channel(self):
        scales, zeros = torch.rand(2, generator=self.torch_random()) + 0.1, torch.zeros(2, dtype=torch.int64)
        r = self.random.random()
        if r < 0.3:
            return torch.quantize_per_channel(self.dense(2, 4).float(), scales, zeros.float(), 0, torch.quint4x2)
        return torch.quantize_per_channel(self.dense(2, 3).float(), scales.double(), zeros, 0, torch.qint8)

    def torch_random(self):
        return torch.Generator().manual_seed(self.random.getrandbits(30))

    def conjugate(self):
        base = self.view(torch.randn(6, dtype=torch.complex64, generator=self.torch_random()))
        made = base.conj()
        return made.imag if self.random.random() < 0.4 else made

    def negative(self):
        return torch._neg_view(torch.randn(4, generator=self.torch_random()))

    def with_attributes(self):
        made = torch.ones(2) if self.random.random() < 0.5 else torch.nn.Parameter(torch.ones(2))
        made.label, made.x = self.text(), self.integer()
        return made

    def buffer(self):
        return torch.nn.Buffer(torch.ones(1), persistent=self.random.random() < 0.5)

    def nested(self):
        return torch.nested.nested_tensor([self.dense(self.random.randrange(1, 3), 2).double() for _ in range(2)])

    def jagged(self):
        return torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(self.random.randrange(1, 4), 3)], layout=torch.jagged)

    def subclass(self):
        made = self.dense(2, 2).as_subclass(Scaled)
        if self.random.random() < 0.5:
            made.note = self.text()
        return made

    def wrapper(self):
        return Wrapper((2, self.random.randrange(4)), self.random.choice(REAL))

    def generator(self):
        return self.torch_random()

    def torch_value(self):
        r = self.random
        if self.safe and not NEW:
            return r.choice((lambda: torch.Size(r.sample(range(9), r.randrange(4))), lambda: r.choice(REAL)))()
        return r.choice((lambda: torch.Size(r.sample(range(9), r.randrange(4))), lambda: r.choice(OLD_DTYPES + NEW_DTYPES + SHELLS),
                         lambda: torch.device(r.choice(("cpu", "cuda:1", "meta", "cuda"))), lambda: r.choice((torch.strided, torch.sparse_coo)),
                         lambda: torch.per_tensor_affine))()

    def storage(self):
        base = self.base()
        if base.dtype in NEW_DTYPES:
            return base.untyped_storage() if base.dtype.itemsize == 1 else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return base.storage()

    # numpy.
    def numpy_dtype(self):
        return numpy.dtype(self.random.choice(("f4", "<f8", ">i4", "U3", "S2", "M8[us]", "?", [("x", "f4"), ("b", ">i2", (2,))])))

    def array(self):
        r = self.random
        dtype = r.choice(("f4", "f8", "f2", "i1", "i8", "u2", "?", "c8", "c16", ">f4", ">i8", ">c8", "M8[us]", "m8[s]", "U3", ">U2", "S4", "O",
                          [("x", "f4"), ("y", ">i2", (2,))], [("name", "U2"), ("b", [("c", "?")])]))
        shape = r.choice(((), (0,), (3,), (2, 3), (2, 0, 3), (2, 1, 2)))
        if self.protocol == 5 and ">" in str(dtype):  # stays big-endian when it is loaded, but not once saved with protocol 2
            dtype = "f8"
        if dtype == "O":
            made = numpy.empty(shape, dtype)
            flat = made.reshape(-1)
            for i in range(flat.size):
                flat[i] = self.value() if r.random() < 0.5 else self.text()
            return made
        kind = numpy.dtype(dtype)
        count = int(numpy.prod(shape))
        raw = bytes(b & 1 for b in r.randbytes(count * kind.itemsize)) if kind.kind in "?bUV" else r.randbytes(count * kind.itemsize)
        if kind.kind == "U":
            raw = numpy.array([r.choice(("a", "éz", "")) for _ in range(count)], kind).tobytes()
        if kind.kind == "V":
            made = numpy.zeros(shape, kind)
        else:
            made = numpy.frombuffer(bytearray(raw), kind).reshape(shape)
        q = r.random()
        return numpy.asfortranarray(made) if q < 0.2 else made[..., ::-1] if q < 0.3 and made.ndim else made.T if q < 0.4 else made

    def scalar(self):
        kind = self.random.choice((numpy.float32, numpy.float64, numpy.int64, numpy.int8, numpy.bool_, numpy.complex64, numpy.uint16, numpy.float16))
        r = self.random.random()
        if r < 0.1:
            return numpy.datetime64(self.random.getrandbits(40), "us")
        if r < 0.2:
            return self.random.choice((numpy.str_("ab"), numpy.bytes_(b"xy"), numpy.str_("q"), numpy.timedelta64(5, "D")))
        if r < 0.25:
            return numpy.zeros((), [("x", "f4"), ("n", "U2")])[()]
        return kind(self.random.randrange(100) / 4)

    # Containers.
    def state_dict(self):
        if self.random.random() < 0.5:
            return self.network().state_dict()
        made = collections.OrderedDict((self.random.choice(WORDS), self.tensor()) for _ in range(self.random.randrange(5)))
        return made

    def network(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random.getrandbits(30))
            return self.random.choice((
                lambda: torch.nn.Linear(2, 3), lambda: torch.nn.Conv2d(1, 2, 3, bias=False), lambda: torch.nn.BatchNorm2d(2), lambda: torch.nn.LSTM(2, 2),
                lambda: torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Embedding(3, 2))), Net,
                lambda: torch.nn.MultiheadAttention(2, 1), lambda: torch.nn.GroupNorm(1, 2), lambda: torch.nn.ParameterList([torch.ones(1)]),
                lambda: torch.nn.ModuleDict({"a": torch.nn.PReLU(), "left": torch.nn.Dropout(0.3)}), lambda: torch.nn.Flatten()))()

    def module(self):
        made = self.network()
        if self.random.random() < 0.3:
            made.eval()
        if self.random.random() < 0.3:
            made.note = self.value()
        return made

    def optimizer(self):
        parameters = [torch.nn.Parameter(torch.ones(2)) for _ in range(self.random.randrange(1, 4))]
        made = self.random.choice((
            lambda: torch.optim.SGD(parameters, 0.1, momentum=0.9), lambda: torch.optim.SGD(parameters, 0.1), lambda: torch.optim.Adam(parameters, amsgrad=True),
            lambda: torch.optim.AdamW(parameters), lambda: torch.optim.RMSprop(parameters, centered=True), lambda: torch.optim.Adagrad(parameters)))()
        for parameter in parameters[:2]:
            parameter.grad = torch.ones(2)
        if self.random.random() < 0.8:
            made.step()
        found = made.state_dict()
        if not self.safe and self.random.random() < 0.4:
            schedule = self.random.choice((lambda: torch.optim.lr_scheduler.StepLR(made, 2), lambda: torch.optim.lr_scheduler.MultiStepLR(made, [2, 3, 3]),
                                           lambda: torch.optim.lr_scheduler.ReduceLROnPlateau(made), lambda: torch.optim.lr_scheduler.CosineAnnealingLR(made, 5)))()
            return {"optimizer": found, "scheduler": schedule.state_dict(), "extra": Plain(lr=0.1)}
        return found
