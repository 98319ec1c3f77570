"""Writes images of every kind to a folder, and what Pillow and torchvision make of them.

    python ask_pillow.py FOLDER SEED          (torch, torchvision, Pillow, NumPy; ends with 77 where one is missing)

images.tsv:  file, width, height, sha256 of Image.open(file).convert("RGB")
tensors.tsv: file, builder and weights, resize, crop, filter, means, deviations, sha256 of weights.transforms()(image) (float32, CHW)
"""
import hashlib
import io
import pathlib
import struct
import sys
import types
import zlib

sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")  # its compiled operators are not needed
try:
    import numpy as np
    import torch
    import torchvision.models as models
    from PIL import Image
except ModuleNotFoundError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

folder, rng = pathlib.Path(sys.argv[1]), np.random.default_rng(int(sys.argv[2]))


def sha(data):
    return hashlib.sha256(data).hexdigest()


def size():
    return int(rng.integers(1, 90)), int(rng.integers(1, 90))


def picture(w, h, channels):
    y, x = np.mgrid[0:h, 0:w]
    wave = [127 + 110 * np.sin(rng.uniform(0, 0.6) * x + rng.uniform(0, 0.6) * y + c) for c in range(channels)]
    return (np.stack(wave, -1) + rng.normal(0, rng.uniform(0, 40), (h, w, channels))).clip(0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png():
    """Every colour type and depth, interlaced or not, with and without transparency."""
    color = int(rng.choice([0, 2, 3, 4, 6]))
    depth = int(rng.choice({0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}[color]))
    w, h = size()
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    top = (1 << depth) if color != 3 or rng.random() < 0.3 else max(1, (1 << depth) * 3 // 4)
    values = rng.integers(0, top, (h, w, channels)) if rng.random() < 0.7 else rng.integers(0, min(top, 300), (h, w, channels))
    extra = b""
    if color == 3:
        extra += chunk(b"PLTE", rng.integers(0, 256, 3 * min(256, top), dtype=np.uint8).tobytes())
    if rng.random() < 0.3 and color in (0, 2, 3):
        count = int(rng.integers(1, min(256, top) + 1))
        extra += chunk(b"tRNS", rng.integers(0, 256, count, dtype=np.uint8).tobytes() if color == 3
                       else struct.pack(f">{channels}H", *rng.integers(0, top, channels)))
    if rng.random() < 0.2:
        extra = chunk(b"gAMA", struct.pack(">I", 100000)) + extra
    interlaced = int(rng.integers(0, 2))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    data = b""
    for x0, y0, dx, dy in passes:
        part = values[y0::dy, x0::dx]
        if not part.size:
            continue
        for row in part.reshape(part.shape[0], -1):
            if depth == 16:
                packed = row.astype(">u2").tobytes()
            elif depth == 8:
                packed = row.astype(np.uint8).tobytes()
            else:
                packed = np.packbits(np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:].reshape(-1)).tobytes()
            data += b"\0" + packed
    return "png", (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, interlaced)) + extra
                   + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def frame(data):
    """Where the frame header's marker stands."""
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return at


def jpeg():
    """Every sampling that Pillow writes, and by exchanging numbers in a header 4:4:0, 4:1:1 and stranger ones."""
    mode = str(rng.choice(["RGB", "RGB", "RGB", "L", "CMYK"]))
    w, h = size()
    options = {"quality": int(rng.integers(5, 100)), "progressive": bool(rng.integers(0, 2)), "optimize": bool(rng.integers(0, 2))}
    if mode == "RGB":
        options["subsampling"] = int(rng.integers(0, 3))
        if rng.random() < 0.1:
            options = {"quality": options["quality"], "keep_rgb": True}
    if rng.random() < 0.2:
        options["restart_marker_blocks"] = int(rng.integers(1, 4))
    if rng.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = int(rng.integers(1, 9))
        options["exif"] = exif
    odd = mode == "RGB" and "keep_rgb" not in options and rng.random() < 0.4
    if odd:
        w, h = 64, 32
    data = picture(w, h, {"RGB": 3, "L": 1, "CMYK": 4}[mode])
    out = io.BytesIO()
    Image.fromarray(data[:, :, 0] if mode == "L" else data, mode).save(out, "JPEG", **options)
    data = bytearray(out.getvalue())
    if odd:  # as many blocks to a unit, otherwise laid out
        at = frame(data)
        layouts = {0x11: [(0x11, 64, 32)], 0x21: [(0x21, 64, 32), (0x12, 32, 64)],
                   0x22: [(0x22, 64, 32), (0x41, 128, 16), (0x14, 32, 64)]}[data[at + 11]]
        factors, w, h = layouts[int(rng.integers(0, len(layouts)))]
        cut = lambda side, unit: side - int(rng.integers(0, unit))  # noqa: E731
        data[at + 5:at + 9] = struct.pack(">HH", cut(h, 8), cut(w, 8))
        data[at + 11] = factors
    if mode == "CMYK" and rng.random() < 0.5:
        data[data.index(b"Adobe") + 11] = 2  # the same numbers, understood as YCCK
    return "jpg", bytes(data)


def each_preset():
    seen = set()
    for builder in sorted(models.list_models(models)):
        for weights in models.get_model_weights(builder):
            preset = weights.transforms()
            key = repr(preset)
            if key not in seen:
                seen.add(key)
                yield builder, weights.name, preset


images = []
with open(folder / "images.tsv", "w") as out:
    for number in range(400):
        kind, data = png() if number % 2 else jpeg()
        name = f"{number}.{kind}"
        try:
            image = Image.open(io.BytesIO(data)).convert("RGB")
        except Exception as error:  # what Pillow refuses is no question
            print(name, error, file=sys.stderr)
            continue
        (folder / name).write_bytes(data)
        images.append(name)
        print(name, *image.size, sha(image.tobytes()), sep="\t", file=out)
with open(folder / "tensors.tsv", "w") as out:
    for builder, name, preset in each_preset():
        for image in rng.choice(images, 4, replace=False):
            picked = Image.open(folder / image).convert("RGB")
            with torch.no_grad():
                print(image, f"{builder} {name}", preset.resize_size[0], preset.crop_size[0], preset.interpolation.value,
                      *preset.mean, *preset.std, sha(preset(picked).contiguous().numpy().tobytes()), sep="\t", file=out)
