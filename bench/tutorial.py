#!/usr/bin/env python3
"""Times the tutorial's steps in Flambeau and in PyTorch, in turns, and prints the ratios.

    bench/tutorial.py BUILD_FOLDER [--python PYTHON_WITH_TORCH] [--model vgg16] [--rounds 5] [--only TEXT]

Each figure is the minimum over the rounds; the ratio says how many times faster Flambeau is. Files lie on /dev/shm.
"""
import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time

from worker import Worker, process

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_LIST = "import sys, torch; torch.load(sys.argv[1], mmap=True)"
PYTHON_PREDICT = """
import sys, types, torch
sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")
import torchvision.models as models
from PIL import Image
builder, weights, image = sys.argv[1:]
model = getattr(models, builder)()
model.load_state_dict(torch.load(weights))
model.eval()
preset = models.get_model_weights(builder).IMAGENET1K_V1.transforms()
with torch.inference_mode():
    print(model(preset(Image.open(image)).unsqueeze(0)).softmax(1).topk(5))
"""


def peak_memory(command):
    """(resident, anonymous) in MB, sampled from /proc while the command runs."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    resident = anonymous = 0
    while child.poll() is None:
        try:
            with open(f"/proc/{child.pid}/status") as status:
                fields = dict(row.split(":", 1) for row in status)
            resident = max(resident, int(fields["VmHWM"].split()[0]))
            anonymous = max(anonymous, int(fields["RssAnon"].split()[0]))
        except (OSError, KeyError):
            pass
        time.sleep(0.002)
    return resident / 1024, anonymous / 1024


def photo(path):
    """A photograph-like PNG, so that the benchmark needs no file of others."""
    import struct
    import zlib
    width, height = 640, 427
    rows = b"".join(b"\0" + bytes((x * y // 97 + x * c + y) & 255 for x in range(width) for c in (1, 2, 3))
                    for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                  chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--python", default=os.environ.get("FLAMBEAU_TORCH_PYTHON", sys.executable))
    parser.add_argument("--model", default="vgg16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    flambeau, steps = (os.path.join(args.build, name) for name in ("flambeau", "bench/steps"))
    folder = tempfile.mkdtemp(prefix="flambeau-bench-", dir="/dev/shm")
    try:
        run(args, flambeau, lambda: Worker([steps]),
            lambda: Worker([args.python, os.path.join(HERE, "torch_steps.py")]), folder)
    finally:
        shutil.rmtree(folder)


def run(args, flambeau, start_ours, start_torch, folder):
    ours, torch = start_ours(), start_torch()
    # Opening is what a process begins with: no other step has started threads in these two.
    our_opener, torch_opener = start_ours(), start_torch()
    weights, other, image, tensors = (os.path.join(folder, name) for name in
                                      ("weights.pth", "other.pth", "photo.png", "weights.safetensors"))
    photo(image)
    ours(f"construct {args.model}"), torch(f"construct {args.model}")
    ours(f"save {weights}")
    torch(f"safetensors-save {tensors}")
    predict = [flambeau, "predict", "--model", args.model, "--weights", weights, image]
    nothing = math.nan
    rows = [  # name, ours, the peer, bar
        ("construct, seed 0", lambda: ours(f"construct {args.model}"), lambda: torch(f"construct {args.model}"), 2),
        ("construct, bare (ms)", lambda: ours(f"construct-bare {args.model}"), lambda: nothing, 0),
        ("ls, process", process([flambeau, "ls", weights]), process([args.python, "-c", PYTHON_LIST, weights]), 300),
        ("open in process, mapped", lambda: our_opener(f"open {weights}"), lambda: torch_opener(f"open {weights}"), 50),
        ("the same, against safetensors", lambda: our_opener(f"open {weights}"),
         lambda: torch_opener(f"safetensors-open {tensors}"), 0),
        ("load into own memory", lambda: ours(f"load {weights}"), lambda: torch(f"load {weights}"), 3),
        ("load, against safetensors", lambda: ours(f"load {weights}"), lambda: torch(f"safetensors-load {tensors}"), 0),
        ("load, against a bare pread", lambda: ours(f"load {weights}"), lambda: ours(f"read {weights}"), 0.9),
        ("save with CRC", lambda: ours(f"save {other}"), lambda: torch(f"save {other}"), 2),
        ("save, against safetensors", lambda: ours(f"save {other}"), lambda: torch(f"safetensors-save {tensors}"), 0),
        ("save with CRC, against cp", lambda: ours(f"save {other}"), process(["cp", weights, folder + "/copy"]), 0.8),
        ("predict, process", process(predict), process([args.python, "-c", PYTHON_PREDICT, args.model, weights, image]), 15),
        ("forward, 2 threads, eager", lambda: ours(f"forward {args.model} 2 fp32"),
         lambda: torch(f"forward {args.model} 224 2 fp32 eager"), 1),
        ("forward, 2 threads, ONNX Runtime", lambda: ours(f"forward {args.model} 2 fp32"),
         lambda: torch(f"forward {args.model} 224 2 fp32 onnxruntime"), 1),
        ("forward, 2 threads, torch.compile", lambda: ours(f"forward {args.model} 2 fp32"),
         lambda: torch(f"forward {args.model} 224 2 fp32 compiled"), 1),
    ]
    print(f"{args.model}, minimum of {args.rounds} rounds in turns")
    print(f"{'step':36}{'flambeau':>12}{'peer':>12}{'ratio':>9}{'bar':>7}")
    for name, mine, peer, bar in rows:
        if args.only not in name:
            continue
        times = [(mine(), peer()) for _ in range(args.rounds)]
        a, b = (min(column) for column in zip(*times))
        print(f"{name:36}{1e3 * a:10.2f}ms{1e3 * b:10.2f}ms{b / a:8.1f}x{bar or '':>7}", flush=True)
    resident, anonymous = peak_memory(predict)
    print(f"predict, peak memory: {resident:.0f} MB, {anonymous:.0f} MB of it anonymous (bar 150)")


if __name__ == "__main__":
    main()
