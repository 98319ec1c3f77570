"""Writes reference.golden: inputs, parameters and results of PyTorch 2.13 for every operation of the graph.

Format: records until the end of the file, each: u32 length of the name, the name ("case/tensor"), u8 dtype (0 float32,
1 int64), u32 rank, i64 sizes, the elements. Run: python make_reference.py
"""
import struct
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(7)
out = []


def case(name, **tensors):
    for key, t in tensors.items():
        t = t.detach().contiguous()
        full = f"{name}/{key}".encode()
        code = {torch.float32: 0, torch.int64: 1}[t.dtype]
        out.append(struct.pack("<I", len(full)) + full + struct.pack("<BI", code, t.dim())
                   + struct.pack(f"<{t.dim()}q", *t.shape) + t.numpy().tobytes())


r = torch.randn
x, w, b = r(2, 4, 6, 5), r(6, 2, 3, 2), r(6)
case("conv2d", x=x, w=w, b=b, y=F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2))
x, w = r(1, 3, 9), r(5, 3, 3)
case("conv1d", x=x, w=w, y=F.conv1d(x, w, None, 2, 1))
x, w, b = r(1, 2, 4, 5, 4), r(3, 2, 2, 3, 2), r(3)
case("conv3d", x=x, w=w, b=b, y=F.conv3d(x, w, b, 1, (0, 1, 0)))
x, w, b = r(2, 4, 4, 3), r(4, 3, 3, 2), r(6)
case("conv_transpose2d", x=x, w=w, b=b, y=F.conv_transpose2d(x, w, b, (2, 3), (1, 0), (1, 2), 2, (2, 1)))
x, w, b = r(2, 3, 5), r(4, 5), r(4)
case("linear", x=x, w=w, b=b, y=F.linear(x, w, b))
p, q = r(2, 1, 3, 4), r(5, 4, 2)
case("matmul", a=p, b=q, y=p @ q)
i, w = torch.tensor([[0, 4, 2], [1, 1, 3]]), r(5, 3)
case("embedding", i=i, w=w, y=F.embedding(i, w))
q, k, v, m = r(2, 2, 3, 4), r(2, 2, 5, 4), r(2, 2, 5, 3), r(2, 1, 3, 5)
case("attention", q=q, k=k, v=v, y=F.scaled_dot_product_attention(q, k, v, scale=0.3))
case("attention_mask", q=q, k=k, v=v, m=m, y=F.scaled_dot_product_attention(q, k, v, attn_mask=m, scale=0.5))

x, mean, var, w, b = r(3, 4, 3, 2), r(4), torch.rand(4) + 0.5, r(4), r(4)
case("batch_norm", x=x, mean=mean, var=var, w=w, b=b, y=F.batch_norm(x, mean, var, w, b, False, 0.1, 1e-3))
mean2, var2 = mean.clone(), var.clone()
y = F.batch_norm(x, mean2, var2, w, b, True, 0.3, 1e-5)
case("batch_norm_train", x=x, mean=mean, var=var, w=w, b=b, y=y, mean2=mean2, var2=var2)
x, w, b = r(2, 3, 4, 5), r(4, 5), r(4, 5)
case("layer_norm", x=x, w=w, b=b, y=F.layer_norm(x, (4, 5), w, b, 1e-6))
x, w, b = r(2, 6, 3, 2), r(6), r(6)
case("group_norm", x=x, w=w, b=b, y=F.group_norm(x, 3, w, b, 1e-5))
x = r(2, 6, 3, 2)
case("local_response_norm", x=x, y=F.local_response_norm(x, 4, 0.2, 0.75, 1.5))
x, w = r(3, 2, 6), r(6)
case("rms_norm", x=x, w=w, y=F.rms_norm(x, (6,), w, 1e-5))
case("l2_normalize", x=x, y=F.normalize(x, dim=1, eps=1e-12))
case("softmax", x=x, y=F.softmax(x, 1))
case("log_softmax", x=x, y=F.log_softmax(x, -1))

x = r(2, 3, 7, 6)
case("max_pool", x=x, y=F.max_pool2d(x, (3, 2), (2, 2), (1, 1), (1, 2), True))
case("max_pool_ceil", x=x, y=F.max_pool2d(x, 3, 2, 0, 1, True))
case("avg_pool", x=x, y=F.avg_pool2d(x, (3, 2), 2, (1, 1), True, True))
case("avg_pool_exclude", x=x, y=F.avg_pool2d(x, 3, 2, 1, True, False))
case("avg_pool_divisor", x=x, y=F.avg_pool2d(x, 3, 2, 1, False, True, 5))
x1 = r(1, 2, 9)
case("avg_pool1d", x=x1, y=F.avg_pool1d(x1, 3, 2, 1))
x3 = r(1, 2, 5, 4, 5)
case("max_pool3d", x=x3, y=F.max_pool3d(x3, (2, 2, 3), (2, 1, 2), (1, 0, 1)))
case("adaptive_avg_pool", x=x, y=F.adaptive_avg_pool2d(x, (3, 4)))
case("adaptive_max_pool", x=x, y=F.adaptive_max_pool2d(x, (4, 1)))
case("nearest", x=x, y=F.interpolate(x, (5, 11), mode="nearest"))
case("bilinear", x=x, y=F.interpolate(x, (10, 4), mode="bilinear", align_corners=False))
case("bilinear_corners", x=x, y=F.interpolate(x, (10, 4), mode="bilinear", align_corners=True))
case("bicubic", x=x, y=F.interpolate(x, (10, 4), mode="bicubic", align_corners=False))
case("bicubic_corners", x=x, y=F.interpolate(x, (3, 9), mode="bicubic", align_corners=True))
case("linear_resize", x=x1, y=F.interpolate(x1, 14, mode="linear", align_corners=False))
case("trilinear", x=x3, y=F.interpolate(x3, (3, 6, 7), mode="trilinear", align_corners=False))

x = torch.cat([r(40) * 2, r(20) * 8, torch.tensor([0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 0.5, -0.5, 20.0, -20.0])])
activations = dict(
    relu=F.relu, relu6=F.relu6, sigmoid=torch.sigmoid, tanh=torch.tanh, silu=F.silu, gelu=F.gelu,
    gelu_tanh=lambda t: F.gelu(t, approximate="tanh"), hardswish=F.hardswish, hardsigmoid=F.hardsigmoid,
    hardtanh=lambda t: F.hardtanh(t, -0.7, 1.3), leaky_relu=lambda t: F.leaky_relu(t, 0.2), elu=lambda t: F.elu(t, 0.7),
    celu=lambda t: F.celu(t, 1.4), selu=F.selu, softplus=lambda t: F.softplus(t, 0.8, 15), softsign=F.softsign,
    mish=F.mish, log_sigmoid=F.logsigmoid, tanhshrink=F.tanhshrink, hardshrink=lambda t: F.hardshrink(t, 0.5),
    softshrink=lambda t: F.softshrink(t, 0.4), threshold=lambda t: F.threshold(t, 0.5, -2.5), exp=torch.exp,
    clamp=lambda t: torch.clamp(t, -1.5, 0.25), abs=torch.abs, neg=torch.neg)
case("activation", x=x, **{name: f(x) for name, f in activations.items()}, sqrt=torch.sqrt(x.abs()), pow=torch.pow(x.abs(), 1.7))
x, w = r(2, 3, 4), r(3)
case("prelu", x=x, w=w, y=F.prelu(x, w))
p, q = r(2, 1, 4), r(3, 1)
case("binary", a=p, b=q, add=p + q, sub=p - q, mul=p * q, div=p / q)
p, q = r(2, 3, 2), r(2, 1, 2)
case("cat", a=p, b=q, y=torch.cat([p, q], 1))
x = r(2, 3, 4)
case("reshape", x=x, y=x.reshape(4, -1))
case("permute", x=x, y=x.permute(2, 0, 1))
case("narrow", x=x, y=x.narrow(1, 1, 2))
case("roll", x=x, y=torch.roll(x, (1, -2), (1, 2)))
case("mean", x=x, y=x.mean((0, 2)))
case("mean_keepdim", x=x, y=x.mean((1, 2), keepdim=True))
x = r(1, 2, 4, 5)
case("pad_constant", x=x, y=F.pad(x, (1, -1, 2, 0), value=0.5))
case("pad_reflect", x=x, y=F.pad(x, (2, 1, 3, 0), mode="reflect"))
case("pad_replicate", x=x, y=F.pad(x, (2, 1, 0, 5), mode="replicate"))
case("pad_circular", x=x, y=F.pad(x, (2, 1, 3, 4), mode="circular"))

Path(__file__).with_name("reference.golden").write_bytes(b"".join(out))
