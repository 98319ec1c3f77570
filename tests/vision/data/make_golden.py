"""Makes the files of this folder: small images in every form, and what Pillow and torchvision's rules make of them.

Run with Pillow 13 and NumPy: python make_golden.py [answers.json]
images.txt:  file width height sha256 of the RGB bytes of Image.open(file).convert('RGB')
resizes.txt: file channels filter width height sha256 of Image.resize's bytes (channels 1: convert('L') first)
presets.txt: file resize crop filter channels sha256 of the float32 tensor (CHW, little-endian)
photos.txt:  photo resize crop filter, sha256 of the cropped RGB bytes and of the float32 tensor, out of answers.json
"""
import hashlib
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
rng = np.random.default_rng(7)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def picture(w, h, channels=3, noise=20):
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 90 * np.sin(0.21 * (c + 1) * x + 0.11 * y) * np.cos(0.17 * y - 0.3 * c) for c in range(channels)]
    planes = np.stack(planes, -1) + rng.normal(0, noise, (h, w, channels))
    return planes.clip(0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(w, h, depth, color, rows, extra=b""):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, 0)) + extra
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows), 9)) + chunk(b"IEND", b""))


def adam7(w, h, depth, color, pixels, bits):
    """Interlaced by hand: `pixels` is an array (h, w, bytes per pixel) or, below a byte, (h, w)."""
    data = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        part = pixels[y0::dy, x0::dx]
        if part.size:
            data += b"".join(b"\0" + pack(row, bits) for row in part)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, 1))
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def pack(row, bits):
    if bits >= 8:
        return row.tobytes()
    digits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - bits:].reshape(-1)
    return np.packbits(digits).tobytes()


def pngs():
    w, h = 21, 13
    for depth in (1, 2, 4, 8):
        values = rng.integers(0, 1 << depth, (h, w), dtype=np.uint8)
        rows = [pack(r, depth) for r in values]
        yield f"gray{depth}.png", png(w, h, depth, 0, rows)
        entries = min(1 << depth, 200)
        palette = chunk(b"PLTE", rng.integers(0, 256, entries * 3, dtype=np.uint8).tobytes())
        yield f"palette{depth}.png", png(w, h, depth, 3, rows, palette)  # of 8 bits: some indices lie outside
    trns = chunk(b"PLTE", bytes(range(48))) + chunk(b"tRNS", bytes(range(0, 160, 10)))
    yield "palette4-trns.png", png(w, h, 4, 3, [pack(r, 4) for r in rng.integers(0, 16, (h, w), dtype=np.uint8)], trns)
    yield "gray8-trns.png", png(w, h, 8, 0, [r.tobytes() for r in picture(w, h, 1)], chunk(b"tRNS", struct.pack(">H", 100)))
    for name, color, channels in (("rgb", 2, 3), ("la", 4, 2), ("rgba", 6, 4)):
        yield f"{name}8.png", png(w, h, 8, color, [r.tobytes() for r in picture(w, h, channels)])
        wide = rng.integers(0, 65536, (h, w, channels), dtype=np.uint16).astype(">u2")
        yield f"{name}16.png", png(w, h, 16, color, [r.tobytes() for r in wide])
    gray = np.concatenate([rng.integers(0, 65536, (h, w // 2)), rng.integers(0, 300, (h, w - w // 2))], 1).astype(">u2")
    yield "gray16.png", png(w, h, 16, 0, [r.tobytes() for r in gray])
    yield "interlaced-rgb8.png", adam7(w, h, 8, 2, picture(w, h), 8)
    yield "interlaced-gray2.png", adam7(w, h, 2, 0, rng.integers(0, 4, (h, w), dtype=np.uint8), 2)
    yield "interlaced-rgba16.png", adam7(w, h, 16, 6, rng.integers(0, 65536, (h, w, 4), dtype=np.uint16).astype(">u2"), 16)


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80, **options)
    return out.getvalue()


def jpegs():
    image = Image.fromarray(picture(45, 37))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", jpeg(image, subsampling=subsampling)
        yield f"{name}-progressive.jpg", jpeg(image, subsampling=subsampling, progressive=True)
    yield "gray.jpg", jpeg(image.convert("L"))
    yield "rgb-inside.jpg", jpeg(image, keep_rgb=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: not to be applied
    yield "exif-turned.jpg", jpeg(image, exif=exif, subsampling=2)
    yield "restarts.jpg", jpeg(image, subsampling=2, restart_marker_blocks=2)
    # As many units, otherwise laid out: a file of 4:2:2 with the two factors and the two sizes exchanged is one of 4:4:0.
    data = bytearray(jpeg(Image.fromarray(picture(64, 32)), subsampling=1))
    at = data.index(b"\xff\xc0")
    assert data[at + 5:at + 9] == struct.pack(">HH", 32, 64) and data[at + 11] == 0x21
    data[at + 5:at + 9], data[at + 11] = struct.pack(">HH", 61, 30), 0x12
    yield "440.jpg", bytes(data)
    cmyk = jpeg(Image.fromarray(picture(45, 37, 4), "CMYK"))
    yield "cmyk.jpg", cmyk
    data = bytearray(cmyk)
    at = data.index(b"Adobe")
    data[at + 11] = 2  # the same numbers, understood as YCCK
    yield "ycck.jpg", bytes(data)
    state = rng.bit_generator.state  # what comes later stays as it was before this file
    data = bytearray(jpeg(Image.fromarray(picture(64, 32)), subsampling=2))  # 4:2:0 to 4:1:1, as above
    at = data.index(b"\xff\xc0")
    assert data[at + 5:at + 9] == struct.pack(">HH", 32, 64) and data[at + 11] == 0x22
    data[at + 5:at + 9], data[at + 11] = struct.pack(">HH", 15, 123), 0x41
    yield "411.jpg", bytes(data)
    rng.bit_generator.state = state


def resized(image, size, filter_name):
    w, h = image.size
    short, long = min(w, h), max(w, h)
    other = int(size * long / short)
    return image.resize((size, other) if w <= h else (other, size), FILTERS[filter_name])


def cropped(image, size):
    w, h = image.size
    if w < size or h < size:
        left, top = max(0, size - w) // 2, max(0, size - h) // 2
        padded = Image.new(image.mode, (max(w, size), max(h, size)))
        padded.paste(image, (left, top))
        image, (w, h) = padded, padded.size
    top, left = round((h - size) / 2), round((w - size) / 2)
    return image.crop((left, top, left + size, top + size))


def tensor(image):
    x = np.asarray(image, dtype=np.uint8).reshape(image.size[1], image.size[0], -1).transpose(2, 0, 1).astype(np.float32)
    x = x / np.float32(255)
    n = x.shape[0]
    return (x - np.array(MEAN[:n], np.float32).reshape(n, 1, 1)) / np.array(STD[:n], np.float32).reshape(n, 1, 1)


def main():
    with open(HERE / "images.txt", "w") as out:
        for name, data in list(pngs()) + list(jpegs()):
            (HERE / name).write_bytes(data)
            image = Image.open(io.BytesIO(data)).convert("RGB")
            print(name, *image.size, sha(image.tobytes()), file=out)
    source = Image.fromarray(picture(97, 61, noise=60))
    source.save(HERE / "noise.png")
    tall = source.crop((30, 0, 50, 61))
    tall.save(HERE / "tall.png")
    sizes = [(40, 25), (97, 30), (50, 61), (200, 130), (97, 61), (1, 1), (13, 300), (96, 60), (5, 61),
             (120, 20), (90, 47), (90, 46)]  # the last: vertically first, by one row
    with open(HERE / "resizes.txt", "w") as out:
        for channels, mode in ((3, "RGB"), (1, "L")):
            for name, code in FILTERS.items():
                for w, h in sizes:
                    print("noise.png", channels, name, w, h, sha(source.convert(mode).resize((w, h), code).tobytes()), file=out)
    with open(HERE / "presets.txt", "w") as out:
        for resize, crop, name in ((32, 28, "bilinear"), (33, 28, "bicubic"), (28, 33, "bilinear"), (40, 50, "bicubic"),
                                   (0, 40, "nearest"), (0, 80, "nearest"), (61, 61, "bilinear"), (30, 0, "bilinear"),
                                   (122, 101, "lanczos"), (0, 0, "nearest")):
            for channels, mode in ((3, "RGB"), (1, "L")):
                image = source.convert(mode)
                image = resized(image, resize, name) if resize else image
                image = cropped(image, crop) if crop else image
                print("noise.png", resize, crop, name, channels, sha(tensor(image).astype("<f4").tobytes()), file=out)
        for resize, crop, name in ((16, 12, "bilinear"), (12, 0, "bicubic"), (8, 10, "lanczos")):
            for channels, mode in ((3, "RGB"), (1, "L")):
                image = resized(tall.convert(mode), resize, name)
                image = cropped(image, crop) if crop else image
                print("tall.png", resize, crop, name, channels, sha(tensor(image).astype("<f4").tobytes()), file=out)
    if len(sys.argv) > 1:
        with open(HERE / "photos.txt", "w") as out:
            for preset in json.load(open(sys.argv[1]))["preprocessing"]:
                for photo, answer in preset["photos"].items():
                    print(photo, preset["resize"], preset["crop"], preset["interpolation"], answer["cropped"]["sha256_rgb8"],
                          answer["tensor_sha256_f32le"], file=out)


main()
