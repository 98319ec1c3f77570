"""Writes data/train.tsv: what torch gives in train mode, random masks and running statistics included.

    python make_train.py          (torch 2.13, torchvision 0.28)

Each network is made after manual_seed(0) and run after manual_seed(7) on sin(0.37 i + 0.1). Columns: name, input shape; then
`output` rows (name, shape, L2 norm, first values), `buffer` rows (sum of all running_mean, running_var, num_batches_tracked) and
`next` (torch.rand(1) afterwards: how much was drawn).
"""
import sys
import types
import warnings

import torch
from torch import nn

sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")  # its compiled operators are not needed
import torchvision.models as models  # noqa: E402
from torchvision.ops import StochasticDepth  # noqa: E402

warnings.simplefilter("ignore")


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, dropout=0.25, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


LAYERS = [
    ("Dropout", lambda: nn.Dropout(0.3), (4, 5, 6)), ("Dropout all", lambda: nn.Dropout(1.0), (7,)),
    ("Dropout1d", lambda: nn.Dropout1d(0.4), (4, 6, 3)), ("Dropout1d unbatched", lambda: nn.Dropout1d(0.4), (8, 3)),
    ("Dropout2d", lambda: nn.Dropout2d(0.4), (3, 4, 2, 2)), ("Dropout2d of 3", lambda: nn.Dropout2d(0.4), (3, 4, 2)),
    ("Dropout3d", lambda: nn.Dropout3d(0.4), (3, 3, 2, 2, 2)), ("Dropout3d unbatched", lambda: nn.Dropout3d(0.4), (5, 2, 2, 2)),
    ("AlphaDropout", lambda: nn.AlphaDropout(0.2), (5, 6)), ("FeatureAlphaDropout", lambda: nn.FeatureAlphaDropout(0.3), (4, 5, 3)),
    ("BatchNorm1d", lambda: nn.BatchNorm1d(3), (4, 3)), ("BatchNorm2d", lambda: nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), (2, 3, 4, 4)),
    ("BatchNorm3d", lambda: nn.BatchNorm3d(2), (2, 2, 2, 3, 3)),
    ("BatchNorm2d cumulative", lambda: nn.BatchNorm2d(3, momentum=None), (2, 3, 4, 4)),
    ("BatchNorm2d untracked", lambda: nn.BatchNorm2d(3, track_running_stats=False), (2, 3, 4, 4)),
    ("InstanceNorm2d tracked", lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (2, 3, 4, 4)),
    ("StochasticDepth row", lambda: StochasticDepth(0.5, "row"), (6, 2, 2)),
    ("StochasticDepth batch", lambda: StochasticDepth(0.5, "batch"), (6, 2, 2)),
    ("SelfAttention", SelfAttention, (2, 4, 8)),
    ("TransformerEncoderLayer", lambda: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.2, batch_first=True), (2, 3, 8)),
]
MODELS = [("googlenet", (2, 3, 64, 64)), ("inception_v3", (2, 3, 299, 299)), ("mobilenet_v2", (2, 3, 64, 64)),
          ("efficientnet_b0", (2, 3, 64, 64)), ("swin_t", (2, 3, 64, 64)), ("maxvit_t", (2, 3, 224, 224)), ("alexnet", (2, 3, 64, 64))]


def numbers(values):
    return " ".join(f"{value:.9g}" for value in values)


def rows(name, module, shape, first):
    count = int(torch.tensor(shape).prod())
    x = torch.sin(0.37 * torch.arange(count, dtype=torch.float64) + 0.1).float().reshape(shape)
    torch.manual_seed(7)
    with torch.no_grad():
        for _ in range(2 if "cumulative" in name else 1):
            y = module.train()(x)
    yield "case", name, " ".join(map(str, shape))
    for key, value in y._asdict().items() if hasattr(y, "_asdict") else [("", y)]:
        value = value.contiguous().flatten().tolist() if value.dim() == 0 else value
        yield "output", key, " ".join(map(str, value.shape)), f"{float(value.double().norm()):.9g}", numbers(value.flatten()[:first].tolist())
    sums = [0.0, 0.0, 0.0]
    for key, value in module.named_buffers():
        for at, ending in enumerate(("running_mean", "running_var", "num_batches_tracked")):
            if key.endswith(ending) and value is not None:
                sums[at] += float(value.double().sum())
    yield "buffers", numbers(sums)
    yield "next", numbers(torch.rand(1).tolist())


with open("data/train.tsv", "w") as out:
    for name, make, shape in LAYERS:
        torch.manual_seed(0)
        for row in rows(name, make(), shape, 200):
            print(*row, sep="\t", file=out)
    for name, shape in MODELS:
        torch.manual_seed(0)
        for row in rows(name, models.get_model(name), shape, 8):
            print(*row, sep="\t", file=out)
