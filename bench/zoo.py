#!/usr/bin/env python3
"""Times predictions of Flambeau and of whichever peers are installed, in turns, and prints a table.

    bench/zoo.py BUILD_FOLDER [--python PYTHON_WITH_TORCH] [--models resnet50,…] [--threads 1,2]
                 [--precision fp32|bf16|int8] [--engines eager,onnxruntime,…] [--rounds 5] [--process]

Steady forwards, batch 1: one process an engine, each in turn runs for 0.3 s and gives its least; a cell is the least of
all rounds in milliseconds. The last column says how many times faster Flambeau is than the best peer; peers answer as
torch does, or are left out with the reason. --process times whole processes instead: start, load, one image, end.
"""
import argparse
import math
import os
import shutil
import sys
import tempfile

from tutorial import HERE, PYTHON_PREDICT, photo
from worker import Worker, process

MODELS = "vgg16,resnet50,mobilenet_v2,vit_b_16,efficientnet_b0,convnext_tiny,swin_t"
ENGINES = "eager,compiled,onnxruntime,opencv,openvino,ncnn"
ORT_PREDICT = """
import sys, numpy, onnxruntime
from PIL import Image
onnx, image = sys.argv[1:]
x = numpy.asarray(Image.open(image).convert("RGB").resize((224, 224)), numpy.float32).transpose(2, 0, 1)[None] / 255
session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
print(session.run(None, {session.get_inputs()[0].name: x})[0].argsort()[0, -5:])
"""
EXPORT = """
import sys, types, torch
sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")
import torchvision.models as models
torch.manual_seed(0)
model = getattr(models, sys.argv[1])().eval()
torch.save(model.state_dict(), sys.argv[2])
torch.onnx.export(model, torch.ones(1, 3, 224, 224), sys.argv[3], dynamo=False)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--python", default=os.environ.get("FLAMBEAU_TORCH_PYTHON", sys.executable))
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--engines", default=ENGINES)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--process", action="store_true")
    args = parser.parse_args()
    names = ["python + torch", "python + onnxruntime"] if args.process else args.engines.split(",")
    width = max(map(len, names)) + 2
    print(f"{'model':18}{'threads':>8}{'flambeau':>11}" + "".join(f"{name:>{width}}" for name in names) + f"{'ratio':>8}")
    ratios = []
    for model in args.models.split(","):
        for row, times in (processes if args.process else forwards)(args, model):
            best = min((time for time in times[1:] if not math.isnan(time)), default=math.nan)
            ratios.append([time / times[0] for time in times[1:]] + [best / times[0]])
            print(f"{model:18}{row:>8}{1e3 * times[0]:11.2f}" +
                  "".join(f"{1e3 * time:{width}.2f}" for time in times[1:]) + f"{best / times[0]:7.2f}x", flush=True)
    means = [math.exp(sum(map(math.log, known)) / len(known)) if known else math.nan
             for known in ([ratio for ratio in column if not math.isnan(ratio)] for column in zip(*ratios))]
    print(f"{'geometric mean':37}" + "".join(f"{mean:{width - 1}.2f}x" for mean in means[:-1]) + f"{means[-1]:7.2f}x")


def forwards(args, model):
    """(threads, seconds of each engine, ours first)."""
    size = 299 if model == "inception_v3" else 224
    for threads in args.threads.split(","):
        ours = Worker([os.path.join(args.build, "bench/steps")])
        peers = [Worker([args.python, os.path.join(HERE, "torch_steps.py")]) for _ in args.engines.split(",")]
        turns = [lambda time: ours(f"forward {model} {threads} {args.precision} {time}")]
        turns += [lambda time, peer=peer, engine=engine:
                  peer(f"forward {model} {size} {threads} {args.precision} {engine} {time}")
                  for peer, engine in zip(peers, args.engines.split(","))]
        alive = [not math.isnan(turn(0)) for turn in turns]
        rounds = [[turn(300) if able else math.nan for turn, able in zip(turns, alive)] for _ in range(args.rounds)]
        for worker in [ours, *peers]:
            worker.end()
        yield threads, [min(column) for column in zip(*rounds)]


def processes(args, model):
    """Whole processes: start, load the checkpoint (or the ONNX file), prepare, one image, end."""
    folder = tempfile.mkdtemp(prefix="flambeau-bench-", dir="/dev/shm")
    try:
        weights, onnx, image = (os.path.join(folder, name) for name in ("weights.pth", "net.onnx", "photo.png"))
        photo(image)
        process([args.python, "-c", EXPORT, model, weights, onnx])()
        turns = [process([os.path.join(args.build, "flambeau"), "predict", "--model", model, "--weights", weights, image]),
                 process([args.python, "-c", PYTHON_PREDICT, model, weights, image]),
                 process([args.python, "-c", ORT_PREDICT, onnx, image])]
        rounds = [[turn() for turn in turns] for _ in range(args.rounds)]
        yield "all", [min(column) for column in zip(*rounds)]
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
