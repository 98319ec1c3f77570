"""Writes casts.txt: for each pair of dtypes the CRC-32 of what torch 2.13 makes of the inputs of cast_test.cpp.

    python make_casts.py > casts.txt

8- and 16-bit inputs are exhaustive; wider ones are splitmix64 bits, in four patterns that reach ties and small numbers.
NaN results of float16, bfloat16, float32, float64 become all ones (torch's vector and scalar code differ in their payload);
float to uint32/uint64 outside the range of the target, and float8 to int32/int64 outside that of int64, become 0 (undefined
in C++: torch's code paths differ there, too).
"""
import zlib
import numpy as np
import torch

torch.set_num_threads(1)
NAMES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex32", "complex64", "complex128",
         "bool", "bfloat16", "float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz", "uint16", "uint32", "uint64",
         "float8_e8m0fnu"]
COUNT = 16384  # words of 64 bits per pattern


def splitmix(count):
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def inputs(name):
    size = getattr(torch, name).itemsize
    if name == "bool":
        return np.arange(256, dtype=np.uint8) & 1
    if size == 1:
        return np.arange(256, dtype=np.uint8)
    if size == 2:
        return np.arange(65536, dtype=np.uint16).view(np.uint8)
    bits = splitmix(COUNT)
    small = (bits >> np.uint64(56)).astype(np.int64) - 128            # integers and halves near zero
    floats = [bits, bits & np.uint64(0xFFFF8000FFFF8000), bits & np.uint64(0xFFF80000FFF80000)]
    if name in ("float32", "complex64"):
        near = (small.astype(np.float64) / 2).astype(np.float32).repeat(2).view(np.uint64)
        coded = floats + [near]
    elif name in ("float64", "complex128"):
        wide = (bits >> np.uint64(32)).astype(np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            coded = [bits, wide.astype(np.float64).view(np.uint64),
                     (wide.view(np.uint32) & np.uint32(0xFFF80000)).view(np.float32).astype(np.float64).view(np.uint64),
                     (small.astype(np.float64) / 2).view(np.uint64)]
    else:
        coded = [bits, small.view(np.uint64), bits >> np.uint64(24), bits >> np.uint64(7)]
    return np.concatenate(coded).view(np.uint8)


def canonical(bytes_, name):
    part = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}.get(name, name)
    if part in ("float16", "float32", "float64"):
        values = bytes_.view({"float16": np.float16, "float32": np.float32, "float64": np.float64}[part])
        bits = values.view({2: np.uint16, 4: np.uint32, 8: np.uint64}[values.itemsize])
        bits[np.isnan(values)] = ~bits.dtype.type(0)
    elif part == "bfloat16":
        bits = bytes_.view(np.uint16)
        bits[(bits & 0x7FFF) > 0x7F80] = 0xFFFF


def main():
    import warnings
    warnings.simplefilter("ignore")
    for source in NAMES:
        raw = inputs(source)
        x = torch.from_numpy(raw.copy()).view(getattr(torch, source))
        for target in NAMES:
            if source == target:
                continue
            out = x.to(getattr(torch, target)).view(torch.uint8).numpy().copy()
            canonical(out, target)
            dtype = getattr(torch, source)
            eight_bits = dtype.itemsize == 1 and target in ("int32", "int64")
            if (target in ("uint32", "uint64") or eight_bits) and (dtype.is_floating_point or dtype.is_complex):
                wide = x.to(torch.complex128).real.numpy() if dtype.is_complex else x.to(torch.float64).numpy()
                inside = (wide > (-2.0**63 if eight_bits else -1)) & (wide < (2.0**32 if target == "uint32" else 2.0**64))
                out.view(getattr(np, target))[~inside] = 0
            print(source, target, f"{zlib.crc32(out.tobytes()):08x}")


main()
