#!/usr/bin/env python3
"""Whole models that PyTorch and torchvision saved, and what becomes of them here.

whole_models.py make FOLDER: saves a module of every torch.nn class and a model of every torchvision classification family
as FOLDER/NAME.pth, with NAME.txt (repr).
whole_models.py check FOLDER: loads each FOLDER/written/NAME.pth with torch.load(weights_only=False); its state, repr,
attributes and outputs must equal those of NAME.pth. Exit 1 if one differs.
"""
import copy
import inspect
import itertools
import sys
import types
import warnings
import weakref
from pathlib import Path

import torch
from torch import nn

warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "nn"))
from make_goldens import layers  # noqa: E402

sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("_meta_registrations"))
try:
    from torchvision import models
except ImportError:
    models = None

ARGUMENTS = [(), (4,), (4, 4), (3, 4, 3), (0.5,), (1, 0.5)]
NO_MODULES = {"Module", "Container", "RNNBase", "RNNCellBase"}  # bases


def every_class():
    """An instance of each class of torch.nn, made with the first arguments that it takes."""
    for name, cls in inspect.getmembers(nn, inspect.isclass):
        if not issubclass(cls, nn.Module) or name in NO_MODULES or name.startswith("Lazy"):
            continue
        for arguments in ARGUMENTS:
            try:
                yield f"nn-{name}", cls(*arguments)
                break
            except Exception:
                continue


def special():
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    yield "tied", tied
    shared = nn.ReLU()
    yield "shared", nn.Sequential(nn.Linear(2, 2), shared, nn.Linear(2, 2), shared)
    frozen = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    frozen[0].weight.requires_grad_(False)
    yield "frozen", frozen
    yield "double", nn.Linear(3, 2).double()
    yield "bfloat16", nn.Sequential(nn.Linear(3, 2).bfloat16(), nn.Identity())
    mixed = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    mixed[1].eval()
    mixed.register_buffer("kept", torch.arange(3))
    mixed.register_buffer("left", torch.ones(2), persistent=False)
    mixed.note = {"made": [1, 2.5, None]}
    yield "attributes", mixed
    yield "permuted", nn.Sequential(nn.Conv2d(3, 4, 3)).to(memory_format=torch.channels_last)
    plain = nn.Module()
    plain.a = nn.Linear(2, 2)
    plain.b = nn.Parameter(torch.ones(2))
    yield "plain-module", plain


def families():
    if not models:
        return
    for name in ("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet",
                 "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf",
                 "regnet_y_400mf", "resnet18", "resnet50", "shufflenet_v2_x0_5", "squeezenet1_0", "swin_t", "swin_v2_t",
                 "vgg11", "vgg11_bn"):
        torch.manual_seed(0)
        yield f"tv-{name}", smaller(getattr(models, name)(num_classes=7)).eval()
    yield "tv-vit", models.VisionTransformer(224, 16, 2, 2, 64, 128).eval()


def smaller(model):
    """Half a gigabyte of fully connected layers is not needed to see the classes."""
    if isinstance(model, (models.AlexNet, models.VGG)):
        for i, layer in enumerate(model.classifier):
            if isinstance(layer, nn.Linear):
                model.classifier[i] = nn.Linear(layer.in_features if layer.in_features != 4096 else 8,
                                                8 if layer.out_features == 4096 else layer.out_features)
    return model


def make(folder):
    def cases():
        torch.manual_seed(0)
        for name, build in layers().items():
            yield f"layer-{name}", build()
        yield from itertools.chain(every_class(), special(), families())

    count = 0
    for name, module in cases():
        torch.save(module, folder / f"{name}.pth")
        (folder / f"{name}.txt").write_text(repr(module))
        count += 1
    print(count, "models")
    return 0


SHAPES = [(2, 3, 8, 8), (2, 4, 8, 8), (2, 2, 4, 4), (2, 4, 6), (2, 3), (2, 4), (2, 5), (2, 2), (3, 2, 8),
          (2, 8), (4, 2, 4), (2, 4, 4, 4, 4), (1, 2, 4, 4, 4), (2, 2, 4), (2, 64), (2, 3, 3), (2, 3, 5, 8, 8), (2, 6)]


FIXED = ("tv-maxvit_t", "tv-vit", "tv-inception_v3")  # image sizes that are the model's


def output(module, original, name):
    """The output for the first input that the original takes; None if it takes none of these."""
    images = [(1, 3, 224, 224) if name in FIXED else (1, 3, 64, 64)]
    for shape in images if name.startswith("tv-") else SHAPES:
        for count in (1, 2, 3):
            for integer in (False, True):
                torch.manual_seed(1)
                x = [torch.randint(0, 4, shape) if integer else torch.randn(shape) for _ in range(count)]
                try:
                    with torch.no_grad():
                        torch.manual_seed(2)
                        want = copy.deepcopy(original)(*x)
                        torch.manual_seed(2)
                        have = copy.deepcopy(module)(*x)
                    return want, have
                except (RuntimeError, ValueError, TypeError, IndexError, AssertionError, AttributeError, NotImplementedError):
                    continue
    return None


def flat(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for item in value for t in flat(item)] if isinstance(value, (tuple, list)) else []


def same(a, b):
    if isinstance(a, weakref.ref):
        a, b = a(), b()
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.stride() == b.stride() and \
            a.requires_grad == b.requires_grad and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
    if type(a) is not type(b):
        return False
    if isinstance(a, nn.Module):
        return same(vars(a), vars(b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or repr(a) == repr(b)


def differences(original, written, outputs):
    if type(original) is not type(written):
        yield f"class {type(written)}"
        return
    if repr(original) != repr(written):
        yield f"repr {repr(written)}"
    for (path, a), (_, b) in zip(original.named_modules(), written.named_modules()):
        for key in dict.fromkeys([*vars(a), *vars(b)]):
            if key not in vars(a) or key not in vars(b):
                yield f"attribute {path}.{key} only in one"
            elif key != "_modules" and not same(vars(a)[key], vars(b)[key]):
                yield f"attribute {path}.{key}: {vars(a)[key]!r} became {vars(b)[key]!r}"
    if not same(original.state_dict(), written.state_dict()):
        yield "state_dict"
    if outputs:
        want, have = map(flat, outputs)
        if len(want) != len(have) or not all(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) for a, b in zip(want, have)):
            yield "outputs"


def check(folder):
    wrong = compared = ran = 0
    for path in sorted(folder.glob("*.pth")):
        compared += 1
        original = torch.load(path, weights_only=False)
        try:
            written = torch.load(folder / "written" / path.name, weights_only=False)
            outputs = output(written, original, path.stem)
            ran += outputs is not None
            found = list(differences(original, written, outputs))
        except Exception as error:
            found = [repr(error)]
        for text in found[:3]:
            print(f"{path.stem}: {text}")
        wrong += bool(found)
    print(f"torch {torch.__version__}: {compared - wrong} of {compared} equal, {ran} of them run")
    return 1 if wrong or not compared else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit({"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2])))
