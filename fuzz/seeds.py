#!/usr/bin/env python3
"""seeds.py OUT [SHARED]: small starting inputs, a folder per target. Those of real PyTorch are taken from SHARED where it is."""
import pathlib
import pickle
import shutil
import struct
import sys
import zipfile
import zlib

out = pathlib.Path(sys.argv[1])
shared = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
for target in ("load", "pickle", "zip", "dis", "image"):
    (out / target).mkdir(parents=True, exist_ok=True)

VALUES = [None, True, -1, 2**70, 1.5, "text", b"bytes", [1, [2]], (1, 2, 3), {"a": {"b": 1}}, {1, 2}, frozenset({3}), complex(1, 2)]
for protocol in range(6):
    data = pickle.dumps(VALUES, protocol)
    for target in ("pickle", "dis", "load"):
        (out / target / f"values-{protocol}.pkl").write_bytes(data)

tensor = (b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
          b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtRs.")
for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
    path = out / "zip" / f"tensor-{method}.pth"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", tensor)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", struct.pack("<4f", 1, 2, 3, 4))
        archive.writestr("archive/version", "3\n")
    shutil.copy(path, out / "load")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


for kind, channels in ((0, 1), (2, 3), (6, 4)):
    rows = b"".join(b"\0" + bytes(range(8 * channels)) for _ in range(8))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, kind, 0, 0, 0))
    (out / "image" / f"png-{kind}.png").write_bytes(png + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

if shared and shared.is_dir():
    for path in sorted(shared.rglob("*")):
        if path.is_file() and path.stat().st_size <= 16384 and path.suffix not in {".py", ".md", ".json", ".txt", ".csv"}:
            name = "-".join(path.relative_to(shared).parts)
            shutil.copyfile(path, out / ("image" if path.suffix in {".png", ".jpg"} else "load") / name)
            if zipfile.is_zipfile(path):
                shutil.copyfile(path, out / "zip" / name)
                try:
                    with zipfile.ZipFile(path) as archive:
                        for record in archive.namelist():
                            if record.endswith("data.pkl"):
                                data = archive.read(record)
                                for target in ("pickle", "dis"):
                                    (out / target / (name + ".pkl")).write_bytes(data)
                except zipfile.BadZipFile:  # odd on purpose
                    pass
