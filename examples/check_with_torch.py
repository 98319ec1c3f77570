"""Does PyTorch read what Flambeau wrote, and answer the same?

check_with_torch.py FOLDER: holds model_weights.pth (a state_dict of vgg16), model.pth (the whole model), input.npy and
logits.npy (Flambeau's answer). Exit 0: yes; 1: no; 3: this Python has no torch, torchvision or numpy.
"""
import sys
import time
import types
from pathlib import Path

try:
    import numpy as np
    import torch

    # A torchvision built for another torch: its classes work without its compiled operators.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("_meta_registrations"))
    from torchvision import models
except ImportError as error:
    print(f"     no PyTorch to ask: {error}")
    sys.exit(3)


def timed(what, call):
    start = time.perf_counter()
    result = call()
    print(f"     {what:<58} {time.perf_counter() - start:7.2f} s")
    return result


def main(folder):
    x = torch.from_numpy(np.load(folder / "input.npy"))
    ours = np.load(folder / "logits.npy")
    state = timed("torch.load('model_weights.pth', weights_only=True)",
                  lambda: torch.load(folder / "model_weights.pth", weights_only=True))
    built = models.vgg16()
    print("    ", built.load_state_dict(state))
    whole = timed("torch.load('model.pth', weights_only=False)",
                  lambda: torch.load(folder / "model.pth", weights_only=False))
    print(f"     it is a {type(whole).__module__}.{type(whole).__qualname__}, training={whole.training}")
    agree = type(whole) is models.VGG and not whole.training and str(whole) == str(built.eval())
    agree &= all(torch.equal(a, b) for a, b in zip(state.values(), whole.state_dict().values(), strict=True))
    with torch.inference_mode():
        for name, model in (("model_weights.pth", built.eval()), ("model.pth", whole)):
            logits = timed(f"prediction with {name}", lambda: model(x)).numpy()
            apart = float(np.abs(logits - ours).max() / np.abs(logits).max())
            same_order = np.array_equal(logits.argsort()[0, -5:], ours.argsort()[0, -5:])
            print(f"     logits apart by {apart:.1e} of the largest one; same five best: {'yes' if same_order else 'no'}")
            agree &= apart < 1e-4 and same_order
    print(f"     PyTorch {torch.__version__} {'agrees' if agree else 'DISAGREES'}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
