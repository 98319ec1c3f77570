#!/usr/bin/env python3
"""Writes data/random.tsv and data/layers.tsv with PyTorch 2.13: what the tests of this folder compare with.

random.tsv: size, then FNV-1a hashes of what each function draws after manual_seed(7), in a fixed order (random_test.cpp).
layers.tsv: for each layer of layer_cases.h, built after manual_seed(0): name, FNV-1a hashes of its state_dict (names, shapes
and bytes) and of what torch.save writes into a BytesIO, and repr with \\n as two characters.
forward.tsv: name, input shape, output shape and output of layers in eval mode; the input is sin(0.37 i + 0.1) in float64,
rounded. Read by tests/run, where there is a plan to run.
"""
import io
import os
import pathlib
import warnings
from collections import OrderedDict

import torch
import torch.nn as nn

warnings.simplefilter("ignore")
DATA = pathlib.Path(__file__).parent / "data"


def fnv(data):
    value = 1469598103934665603
    for byte in data if isinstance(data, bytes) else data.contiguous().numpy().tobytes():
        value = ((value ^ byte) * 1099511628211) & (2**64 - 1)
    return f"{value:x}"


def random_rows():
    for n in (1, 5, 15, 16, 17, 31, 32, 100, 624, 1000, 4097, 70001, 1200003):
        torch.manual_seed(7)
        drawn = [torch.rand(n), torch.randn(n), torch.empty(n).uniform_(-0.3, 0.7), torch.empty(n).normal_(0.1, 0.02)]
        if n < 1000000:
            drawn += [torch.empty(n).bernoulli_(0.3)]
            drawn += [nn.init.trunc_normal_(torch.empty(n), 0, 1, -1, 2), nn.init.trunc_normal_(torch.empty(n), 0, 1, 2, 3)]
            drawn += [torch.randint(0, 100, (n,)), torch.randint(-5, 2**33, (n,))]
            drawn += [torch.randint(0, 2**28 - 1, (n,)), torch.randint(0, 2**28, (n,)), torch.randperm(n)]
        yield [str(n)] + [fnv(t) for t in drawn] + [fnv(torch.get_rng_state())]


def layers():
    encoder = lambda: nn.TransformerEncoderLayer(8, 2, 16)
    return OrderedDict([
        ("Linear", lambda: nn.Linear(5, 3)),
        ("Linear_no_bias", lambda: nn.Linear(64, 32, bias=False)),
        ("NonDynamicallyQuantizableLinear", lambda: nn.modules.linear.NonDynamicallyQuantizableLinear(3, 2)),
        ("Bilinear", lambda: nn.Bilinear(3, 4, 5)),
        ("Identity", lambda: nn.Identity()),
        ("Flatten", lambda: nn.Flatten(2)),
        ("Unflatten", lambda: nn.Unflatten(1, (2, 3))),
        ("Embedding", lambda: nn.Embedding(7, 5, padding_idx=-2, max_norm=1, scale_grad_by_freq=True, sparse=True, norm_type=1.0)),
        ("EmbeddingBag", lambda: nn.EmbeddingBag(7, 3, mode="sum", padding_idx=1, max_norm=2.0)),
        ("Conv1d", lambda: nn.Conv1d(4, 6, 3, stride=2, groups=2)),
        ("Conv2d", lambda: nn.Conv2d(3, 8, (3, 5), padding=(1, 2), bias=False)),
        ("Conv2d_same", lambda: nn.Conv2d(3, 8, (3, 4), padding="same", dilation=2, padding_mode="reflect")),
        ("Conv2d_valid", lambda: nn.Conv2d(3, 3, 3, padding="valid")),
        ("Conv2d_circular", lambda: nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular")),
        ("Conv3d", lambda: nn.Conv3d(2, 2, 3)),
        ("ConvTranspose1d", lambda: nn.ConvTranspose1d(2, 4, 3)),
        ("ConvTranspose2d", lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)),
        ("ConvTranspose3d", lambda: nn.ConvTranspose3d(2, 1, 2, bias=False, dilation=2)),
        ("BatchNorm1d", lambda: nn.BatchNorm1d(4, momentum=None)),
        ("BatchNorm2d", lambda: nn.BatchNorm2d(4, eps=0.001, momentum=0.01)),
        ("BatchNorm3d_plain", lambda: nn.BatchNorm3d(4, affine=False, track_running_stats=False)),
        ("BatchNorm2d_no_bias", lambda: nn.BatchNorm2d(4, bias=False)),
        ("SyncBatchNorm", lambda: nn.SyncBatchNorm(4)),
        ("InstanceNorm1d", lambda: nn.InstanceNorm1d(3)),
        ("InstanceNorm2d", lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True)),
        ("LayerNorm", lambda: nn.LayerNorm(6, eps=1e-6)),
        ("LayerNorm_tuple", lambda: nn.LayerNorm((2, 3), bias=False)),
        ("RMSNorm", lambda: nn.RMSNorm(3)),
        ("GroupNorm", lambda: nn.GroupNorm(2, 4)),
        ("LocalResponseNorm", lambda: nn.LocalResponseNorm(5)),
        ("CrossMapLRN2d", lambda: nn.CrossMapLRN2d(5)),
        ("CrossMapLRN2d_strong", lambda: nn.CrossMapLRN2d(4, alpha=0.5, beta=0.6, k=2)),
        ("ReLU", lambda: nn.ReLU(True)),
        ("ReLU6", lambda: nn.ReLU6()),
        ("Threshold", lambda: nn.Threshold(0.1, 20, True)),
        ("LeakyReLU", lambda: nn.LeakyReLU(0.2)),
        ("PReLU", lambda: nn.PReLU(3)),
        ("ELU", lambda: nn.ELU()),
        ("CELU", lambda: nn.CELU(2)),
        ("GELU", lambda: nn.GELU("tanh")),
        ("Softplus", lambda: nn.Softplus(beta=1)),
        ("Hardtanh", lambda: nn.Hardtanh(-2, 2.5)),
        ("Hardshrink", lambda: nn.Hardshrink()),
        ("RReLU", lambda: nn.RReLU(inplace=True)),
        ("GLU", lambda: nn.GLU(1)),
        ("Softmax", lambda: nn.Softmax(1)),
        ("Softmin", lambda: nn.Softmin()),
        ("Hardswish", lambda: nn.Hardswish(True)),
        ("MaxPool2d", lambda: nn.MaxPool2d((3, 3), 2, 1, ceil_mode=True)),
        ("MaxPool2d_same_tuple", lambda: nn.MaxPool2d((2, 2))),
        ("AvgPool1d", lambda: nn.AvgPool1d(2)),
        ("AvgPool2d", lambda: nn.AvgPool2d(2, divisor_override=3)),
        ("AdaptiveAvgPool2d", lambda: nn.AdaptiveAvgPool2d((1, None))),
        ("AdaptiveMaxPool3d", lambda: nn.AdaptiveMaxPool3d(2)),
        ("LPPool2d", lambda: nn.LPPool2d(2, (2, 3))),
        ("LPPool1d_cubes", lambda: nn.LPPool1d(3, 3, stride=2, ceil_mode=True)),
        ("LPPool1d_largest", lambda: nn.LPPool1d(float("inf"), 2)),
        ("MaxUnpool2d", lambda: nn.MaxUnpool2d(2)),
        ("FractionalMaxPool2d", lambda: nn.FractionalMaxPool2d(2, output_ratio=0.5)),
        ("Dropout", lambda: nn.Dropout(0.3)),
        ("Dropout2d", lambda: nn.Dropout2d()),
        ("ZeroPad2d", lambda: nn.ZeroPad2d(1)),
        ("ConstantPad1d", lambda: nn.ConstantPad1d(1, 2)),
        ("ReflectionPad2d", lambda: nn.ReflectionPad2d((1, 2, 0, 1))),
        ("ReplicationPad2d_cut", lambda: nn.ReplicationPad2d((-1, 2, 1, -1))),
        ("CircularPad3d", lambda: nn.CircularPad3d(1)),
        ("Upsample", lambda: nn.Upsample(scale_factor=2)),
        ("Upsample_tuple", lambda: nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=False)),
        ("Upsample_half", lambda: nn.Upsample(scale_factor=0.5)),
        ("Upsample_fraction", lambda: nn.Upsample(scale_factor=1.7, mode="bicubic")),
        ("Upsample_aligned", lambda: nn.Upsample(scale_factor=1.7, mode="bilinear", align_corners=True)),
        ("Upsample_exact", lambda: nn.Upsample(scale_factor=1.7, mode="nearest-exact")),
        ("Upsample_again", lambda: nn.Upsample(scale_factor=2.3, recompute_scale_factor=True)),
        ("Upsample_area", lambda: nn.Upsample(size=(2, 5), mode="area")),
        ("UpsamplingBilinear2d", lambda: nn.UpsamplingBilinear2d(size=(4, 4))),
        ("PixelShuffle", lambda: nn.PixelShuffle(2)),
        ("ChannelShuffle", lambda: nn.ChannelShuffle(2)),
        ("Unfold", lambda: nn.Unfold((2, 3), dilation=2)),
        ("Fold", lambda: nn.Fold((4, 4), 2)),
        ("Fold_all", lambda: nn.Fold((3, 7), (2, 3), dilation=(1, 2), padding=(1, 0), stride=(1, 2))),
        ("RNN", lambda: nn.RNN(3, 2, nonlinearity="relu")),
        ("LSTM", lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True, dropout=0.1)),
        ("LSTM_projected", lambda: nn.LSTM(3, 4, proj_size=2)),
        ("GRU", lambda: nn.GRU(3, 2, bias=False)),
        ("RNNCell", lambda: nn.RNNCell(3, 2, nonlinearity="relu")),
        ("LSTMCell", lambda: nn.LSTMCell(3, 2, bias=False)),
        ("GRUCell", lambda: nn.GRUCell(3, 2)),
        ("MultiheadAttention", lambda: nn.MultiheadAttention(8, 2)),
        ("MultiheadAttention_other", lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True, bias=False)),
        ("TransformerEncoderLayer", lambda: nn.TransformerEncoderLayer(8, 2, 16, activation="gelu")),
        ("TransformerDecoderLayer", lambda: nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, norm_first=True)),
        ("TransformerEncoder", lambda: nn.TransformerEncoder(encoder(), 2, nn.LayerNorm(8))),
        ("TransformerDecoder", lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2)),
        ("Transformer", lambda: nn.Transformer(8, 2, 1, 2, 16)),
        ("Sequential", lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Dropout()), nn.Linear(4, 2))),
        ("Sequential_named", lambda: nn.Sequential(OrderedDict(a=nn.Linear(2, 2), b=nn.ReLU()))),
        ("Sequential_empty", lambda: nn.Sequential()),
        ("ModuleList", lambda: nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.ReLU())])),
        ("ModuleDict", lambda: nn.ModuleDict({"x": nn.Linear(1, 2), "y": nn.Identity()})),
        ("ParameterList", lambda: nn.ParameterList([torch.ones(2, 3), torch.zeros(1)])),
        ("ParameterDict", lambda: nn.ParameterDict({"k": nn.Parameter(torch.ones(3))})),
        ("CrossEntropyLoss", lambda: nn.CrossEntropyLoss(weight=torch.ones(3), label_smoothing=0.1)),
        ("BCEWithLogitsLoss", lambda: nn.BCEWithLogitsLoss(pos_weight=torch.ones(2))),
        ("TripletMarginLoss", lambda: nn.TripletMarginLoss()),
        ("TripletMarginWithDistanceLoss", lambda: nn.TripletMarginWithDistanceLoss()),
        ("CTCLoss", lambda: nn.CTCLoss()),
        ("MultiMarginLoss", lambda: nn.MultiMarginLoss()),
        ("CosineSimilarity", lambda: nn.CosineSimilarity()),
        ("PairwiseDistance", lambda: nn.PairwiseDistance()),
        ("AdaptiveLogSoftmaxWithLoss", lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 8, [2, 5])),
        ("DataParallel", lambda: nn.DataParallel(nn.Linear(2, 2))),
        ("AveragedModel", lambda: torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2))),
    ])


def state_hash(module):
    state = b""
    for name, tensor in module.state_dict().items():
        state += f"{name} {tuple(tensor.shape)}\n".encode() + tensor.contiguous().numpy().tobytes()
    return fnv(state)


def file_hash(module):
    file = io.BytesIO()
    torch.save(module, file)
    return fnv(file.getvalue())


def in_fresh_process(name, make):
    """One layer in a process of its own, with interned names as they are after importing torch."""
    read, write = os.pipe()
    if os.fork() == 0:
        torch.manual_seed(0)
        module = make()
        row = [name, state_hash(module), file_hash(module), repr(module).replace("\n", "\\n")]
        os.write(write, ("\t".join(row) + "\n").encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        line = pipe.read()
    if not line.endswith("\n"):
        raise RuntimeError(f"{name}: its process gave no line")
    return line


FORWARD = {  # name of a layer: shape of its input
    "Linear": (2, 5), "Flatten": (1, 2, 2, 2), "Unflatten": (2, 6), "Conv1d": (1, 4, 7), "Conv2d": (1, 3, 4, 5),
    "Conv2d_same": (1, 3, 5, 5), "Conv2d_valid": (3, 5, 4), "Conv2d_circular": (1, 2, 4, 4), "Conv3d": (1, 2, 3, 3, 4),
    "ConvTranspose1d": (1, 2, 3), "ConvTranspose2d": (1, 4, 2, 3), "ConvTranspose3d": (1, 2, 2, 2, 2),
    "BatchNorm2d": (2, 4, 2, 2), "BatchNorm3d_plain": (2, 4, 1, 2, 2), "BatchNorm2d_no_bias": (1, 4, 2, 2),
    "InstanceNorm1d": (2, 3, 4), "InstanceNorm2d": (1, 3, 2, 2), "LayerNorm": (2, 6), "LayerNorm_tuple": (2, 2, 3),
    "RMSNorm": (2, 3), "GroupNorm": (2, 4, 3), "LocalResponseNorm": (1, 7, 2, 2), "CrossMapLRN2d": (1, 7, 2, 2),
    "CrossMapLRN2d_strong": (2, 8, 1, 2), "LPPool1d_cubes": (2, 4), "LPPool1d_largest": (1, 2, 9),
    "ReLU": (7,), "ReLU6": (7,), "Threshold": (7,), "LeakyReLU": (7,), "PReLU": (2, 3), "ELU": (7,), "CELU": (7,),
    "GELU": (7,), "Softplus": (7,), "Hardtanh": (7,), "Hardshrink": (7,), "RReLU": (7,), "GLU": (2, 4), "Softmax": (2, 4),
    "Softmin": (2, 4), "Hardswish": (7,), "MaxPool2d": (1, 2, 6, 6), "MaxPool2d_same_tuple": (2, 4, 4), "AvgPool1d": (1, 2, 5),
    "AvgPool2d": (1, 1, 4, 4), "AdaptiveAvgPool2d": (1, 2, 5, 3), "AdaptiveMaxPool3d": (1, 1, 3, 4, 5),
    "LPPool2d": (1, 2, 4, 6), "Dropout": (5,), "ZeroPad2d": (1, 1, 2, 2), "ConstantPad1d": (1, 1, 3),
    "Upsample_half": (1, 1, 2, 7), "Upsample_fraction": (1, 1, 3, 4), "Upsample_aligned": (1, 1, 3, 4),
    "Upsample_exact": (1, 1, 3, 5), "Upsample_again": (1, 1, 2, 3), "Upsample_area": (1, 1, 3, 7),
    "ReplicationPad2d_cut": (1, 1, 2, 4), "Unfold": (1, 2, 4, 6), "Fold": (8, 9), "Fold_all": (1, 12, 8),
    "ReflectionPad2d": (1, 1, 3, 3), "CircularPad3d": (1, 1, 2, 2, 2), "Upsample": (1, 1, 2, 3),
    "Upsample_tuple": (1, 1, 2, 2), "UpsamplingBilinear2d": (1, 1, 2, 3), "PixelShuffle": (1, 4, 2, 2),
    "ChannelShuffle": (1, 4, 2, 2), "RNN": (3, 2, 3), "LSTM": (2, 3, 3), "LSTM_projected": (3, 1, 3), "GRU": (3, 3),
    "RNNCell": (2, 3), "LSTMCell": (2, 3), "GRUCell": (3,), "TransformerEncoderLayer": (3, 1, 8),
    "TransformerEncoder": (3, 2, 8), "Sequential": (2, 3), "DataParallel": (1, 2), "AveragedModel": (1, 2),
    "MultiheadAttention": (3, 2, 8),
}


def forward_rows():
    for name, shape in FORWARD.items():
        torch.manual_seed(0)
        module = layers()[name]().eval()
        count = torch.Size(shape).numel()
        x = torch.sin(0.37 * torch.arange(count, dtype=torch.float64) + 0.1).float().reshape(shape)
        with torch.no_grad():
            y = module(x, x, x) if name == "MultiheadAttention" else module(x)
        y = y[0] if isinstance(y, tuple) else y
        yield [name, " ".join(map(str, shape)), " ".join(map(str, y.shape)), " ".join(f"{v:.9g}" for v in y.flatten().tolist())]


def main():
    torch.set_num_threads(1)
    lines = [in_fresh_process(name, make) for name, make in layers().items()]
    (DATA / "layers.tsv").write_text("".join(lines))
    (DATA / "forward.tsv").write_text("".join("\t".join(row) + "\n" for row in forward_rows()))
    (DATA / "random.tsv").write_text("".join("\t".join(row) + "\n" for row in random_rows()))


if __name__ == "__main__":
    main()
