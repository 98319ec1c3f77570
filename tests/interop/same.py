"""Are two loaded trees the same: values, types, order, dtypes, strides, and what is shared with what."""
import array
import collections
import copyreg
import ctypes
import types

try:
    import numpy
    import torch
except ImportError:  # for pickles alone
    numpy = torch = None


class Different(Exception):
    pass


ATOMS = (bool, int, str, bytes, bytearray, type(None), type(Ellipsis), type(NotImplemented))
PARTS = {"torch.sparse_coo": ("_indices", "_values"), "torch.sparse_csr": ("crow_indices", "col_indices", "values"),
         "torch.sparse_bsr": ("crow_indices", "col_indices", "values"), "torch.sparse_csc": ("ccol_indices", "row_indices", "values"),
         "torch.sparse_bsc": ("ccol_indices", "row_indices", "values"), "torch.jagged": ("values", "offsets"),
         "nested": ("values", "_nested_tensor_size", "_nested_tensor_strides", "_nested_tensor_storage_offsets")}


class Same:
    def __init__(self):
        self.left, self.right, self.alive, self.storages, self.todo = {}, {}, [], ({}, {}), []

    def check(self, a, b):
        """Throws Different with the place."""
        self.todo = [(a, b, ())]
        while self.todo:
            a, b, where = self.todo.pop()
            try:
                self.one(a, b, where)
            except Different as error:
                place = []
                while where:
                    where, key = where
                    place.append(str(key))
                raise Different(f"{'.'.join(reversed(place)) or 'root'}: {error}") from None

    def need(self, ok, what, a, b):
        if not ok:
            raise Different(f"{what}: {a!r:.80} became {b!r:.80}")

    def each(self, xs, ys, where, what="item"):
        xs, ys = list(xs), list(ys)
        self.need(len(xs) == len(ys), "length", len(xs), len(ys))
        self.todo.extend((x, y, (where, f"{what} {i}")) for i, (x, y) in enumerate(zip(xs, ys)))

    def one(self, a, b, where):
        names = [f"{type(v).__module__}.{type(v).__qualname__}" for v in (a, b)]
        self.need(names[0] == names[1], "type", *names)
        if type(a) in ATOMS or isinstance(a, type):
            self.need(a is b if isinstance(a, type) else a == b, "value", a, b)
            if type(a) not in (str, bytes, bytearray):
                return
        if type(a) is float:
            return self.need(a.hex() == b.hex(), "value", a, b)
        if type(a) is complex:
            return self.need((a.real.hex(), a.imag.hex()) == (b.real.hex(), b.imag.hex()), "value", a, b)
        if isinstance(a, (types.FunctionType, types.BuiltinFunctionType)) and isinstance(getattr(a, "__self__", None), (type(None), types.ModuleType)):
            return self.need(a is b, "function", a, b)
        if type(a) is str:
            return  # whether equal strings are one object is the pickler's business: bytes are compared for that
        known = self.left.get(id(a)), self.right.get(id(b))
        if known != (None, None):
            return self.need(known == (id(b), id(a)), "sharing", a, b)
        if type(a) in (bytes, tuple) and not a:
            return
        if type(a) is not bytes:
            self.left[id(a)], self.right[id(b)] = id(b), id(a)
            self.alive.append((a, b))
        if type(a) in (bytes, bytearray):
            return
        if torch is not None and self.torch_value(a, b, where):
            return
        if type(a) in (list, tuple, collections.deque):
            return self.each(a, b, where)
        if type(a) in (set, frozenset):
            return self.need(list(map(repr, a)) == list(map(repr, b)) or a == b, "set", a, b)
        if type(a) in (dict, collections.OrderedDict):
            self.each(a.keys(), b.keys(), where, "key")
            self.each(a.values(), b.values(), where, "value")
            if type(a) is collections.OrderedDict:
                self.todo.append((a.__dict__, b.__dict__, (where, "attributes")))
            return
        self.reduced(a, b, where)

    def reduced(self, a, b, where):
        reducer = copyreg.dispatch_table.get(type(a))
        ra, rb = (reducer(a), reducer(b)) if reducer else (a.__reduce_ex__(2), b.__reduce_ex__(2))
        self.alive.append((ra, rb))
        if isinstance(ra, str):
            return self.need(ra == rb, "value", ra, rb)
        self.need(getattr(ra[0], "__qualname__", None) == getattr(rb[0], "__qualname__", None), "made by", ra[0], rb[0])
        self.each(ra[1], rb[1], where, "argument")
        for part, what in ((2, "state"), (3, "item"), (4, "pair")):
            x, y = (r[part] if len(r) > part else None for r in (ra, rb))
            if part > 2 and x is not None and y is not None:
                x, y = list(x), list(y)
                self.alive.append((x, y))
                self.each(x, y, where, what)
            else:
                self.todo.append((x, y, (where, what)))

    # torch and numpy. True where the whole value was judged.
    def torch_value(self, a, b, where):
        if isinstance(a, (torch.dtype, torch.layout, torch.device, torch.qscheme)):
            self.need(a == b, "value", a, b)
            return True
        if isinstance(a, torch.Tensor):
            self.tensor(a, b, where)
            return True
        if isinstance(a, torch.Generator):
            self.need(a.get_state().equal(b.get_state()), "generator", a, b)
            return True
        if type(a).__name__ in ("TypedStorage", "UntypedStorage") or isinstance(a, getattr(torch.storage, "TypedStorage", ())):
            ua, ub = (getattr(v, "_untyped_storage", getattr(v, "_storage", v)) for v in (a, b))
            self.need(getattr(a, "dtype", None) == getattr(b, "dtype", None), "storage dtype", a, b)
            self.need(bytes(ua.tolist()) == bytes(ub.tolist()), "storage bytes", a, b)
            self.storage(ua, ub)
            return True
        if isinstance(a, numpy.ndarray) and type(a) is numpy.ndarray or isinstance(a, numpy.generic):
            self.need((a.dtype, a.shape, a.strides) == (b.dtype, b.shape, b.strides), "array", (a.dtype, a.shape, a.strides), (b.dtype, b.shape, b.strides))
            if a.dtype.hasobject:
                self.each(a.ravel().tolist(), b.ravel().tolist(), where)
            else:
                self.need(numpy.ascontiguousarray(a).tobytes() == numpy.ascontiguousarray(b).tobytes(), "array bytes", a, b)
            return True
        return False

    def storage(self, a, b):
        x, y = getattr(a, "_cdata", None), getattr(b, "_cdata", None)
        self.alive.append((a, b))
        self.need(self.storages[0].setdefault(x, y) == y and self.storages[1].setdefault(y, x) == x, "storage sharing", a, b)

    def tensor(self, a, b, where):
        facts = [(t.dtype, t.layout, t.device, t.requires_grad, isinstance(t, torch.nn.Parameter), t.is_nested, t.is_conj(), t.is_neg()) for t in (a, b)]
        self.need(facts[0] == facts[1], "tensor", *facts)
        layout = "nested" if a.is_nested and a.layout == torch.strided else str(a.layout)
        if layout != "torch.jagged":  # a jagged tensor numbers its symbolic size anew at each load
            self.todo.append((a.__dict__, b.__dict__, (where, "attributes")))
        if layout in PARTS:
            if layout == "torch.sparse_coo":
                self.need(a.is_coalesced() == b.is_coalesced(), "coalesced", a.is_coalesced(), b.is_coalesced())
            if not a.is_nested:
                self.need(a.shape == b.shape, "shape", a.shape, b.shape)
            return self.todo.extend((getattr(a, part)(), getattr(b, part)(), (where, part)) for part in PARTS[layout])
        shapes = [(t.shape, t.stride(), t.storage_offset()) for t in (a, b)]
        self.need(shapes[0] == shapes[1], "shape, stride, offset", *shapes)
        if a.device.type == "meta" or type(a).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
            return None
        if a.is_quantized:
            self.need(a.qscheme() == b.qscheme(), "qscheme", a.qscheme(), b.qscheme())
            if a.qscheme() == torch.per_tensor_affine:
                self.need((a.q_scale(), a.q_zero_point()) == (b.q_scale(), b.q_zero_point()), "quantizer", a, b)
            else:
                self.need(a.q_per_channel_axis() == b.q_per_channel_axis(), "axis", a, b)
                self.todo.append((a.q_per_channel_scales(), b.q_per_channel_scales(), (where, "scales")))
                self.todo.append((a.q_per_channel_zero_points(), b.q_per_channel_zero_points(), (where, "zero points")))
        storages = [t.untyped_storage() if hasattr(t, "untyped_storage") else t.storage()._storage if hasattr(t.storage(), "_storage") else t.storage().untyped()
                    for t in (a, b)]
        sizes = [s.nbytes() for s in storages]
        self.need(sizes[0] == sizes[1], "storage size", *sizes)
        self.need(*(lambda x, y: (x == y, "values", x[:16], y[:16]))(*(ctypes.string_at(s.data_ptr(), s.nbytes()) if s.nbytes() else b"" for s in storages)))
        self.storage(*storages)
        return None
