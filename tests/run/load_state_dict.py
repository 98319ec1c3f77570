#!/usr/bin/env python3
"""load_state_dict.py FILE: state_dicts that fit a small module, or do not, with PyTorch's own answer to each.

Saves {case: {"module": name, "state": state_dict, "strict": bool, "assign": bool, "text": the error or the result}}.
tests/run/data/load_state_dict.pth was made so with torch 2.13.
"""
import collections
import copy
import sys

import torch
from torch import nn

nets = {
    "net": lambda: nn.Sequential(collections.OrderedDict(
        fc1=nn.Linear(2, 3), bn=nn.BatchNorm1d(3), sub=nn.Sequential(nn.Linear(3, 1)))),
    "no-bias": lambda: nn.Linear(2, 2, bias=False),
    "instance-norm": lambda: nn.InstanceNorm1d(2),
    "no-statistics": lambda: nn.BatchNorm1d(2, track_running_stats=False),
    "attention": lambda: nn.MultiheadAttention(4, 2),
    "parameter-list": lambda: nn.ParameterList([torch.zeros(2), torch.zeros(3)]),
    "prelu": lambda: nn.PReLU(),
    "lstm": lambda: nn.LSTM(2, 2),
}


whole = {name: make().state_dict() for name, make in nets.items()}


def full(name="net"):
    state = copy.copy(whole[name])  # the tensors are shared, which keeps the file small
    state._metadata = copy.deepcopy(whole[name]._metadata)
    return state


def without(state, *keys):
    for key in keys:
        del state[key]
    return state


def plus(state, **more):
    for key, value in more.items():
        state[key.replace("__", ".")] = value
    return state


def versions(state, version):
    for row in state._metadata.values():
        row["version"] = version
    return state


def renamed(state, change):
    other = collections.OrderedDict((change(key), value) for key, value in state.items())
    return other


t = torch.zeros
CASES = [
    ("fits", "net", full()),
    ("empty", "net", collections.OrderedDict()),
    ("plain dict", "net", dict(full())),
    ("missing", "net", without(full(), "fc1.bias", "sub.0.weight")),
    ("unexpected", "net", plus(full(), extra=t(1), fc1__other=t(1), sub__7__weight=t(1), sub__0__x__y=t(1), bn__fc__w=t(1))),
    ("both", "net", plus(without(full(), "bn.weight"), q=t(1))),
    ("mismatch", "net", plus(full(), fc1__weight=t(3, 3), sub__0__bias=t(2), bn__running_mean=t(1))),
    ("mismatch of rank", "net", plus(full(), fc1__weight=t(3, 2, 1), fc1__bias=t(()))),
    ("all at once", "net", plus(without(full(), "fc1.bias"), q=t(1), fc1__weight=t(3, 3))),
    ("no tensor", "net", plus(full(), fc1__weight=3)),
    ("no tensors", "net", plus(full(), fc1__weight=[1.0], fc1__bias="text", bn__weight=None, sub__0__weight={"a": 1})),
    ("no tensor and the rest", "net", plus(without(full(), "bn.bias"), fc1__weight=1.5, x__y=t(1))),
    ("extra state", "net", plus(full(), _extra_state=3, sub__0___extra_state=t(1))),
    ("scalar as one element", "net", plus(full(), bn__num_batches_tracked=torch.tensor([5]))),
    ("scalar as two elements", "net", plus(full(), bn__num_batches_tracked=torch.tensor([5, 6]))),
    ("scalar as a matrix", "net", plus(full(), bn__num_batches_tracked=torch.tensor([[5]]))),
    ("doubles", "net", collections.OrderedDict((k, v.double()) for k, v in full().items())),
    ("prefix", "net", renamed(full(), lambda k: "module." + k)),
    ("renamed", "net", renamed(full(), lambda k: k.replace("fc1", "fc_1"))),
    ("counter missing, version 2", "net", without(full(), "bn.num_batches_tracked")),
    ("counter missing, version 1", "net", versions(without(full(), "bn.num_batches_tracked"), 1)),
    ("counter missing, no version", "net", renamed(without(full(), "bn.num_batches_tracked"), str)),
    ("bias that is None", "no-bias", plus(full("no-bias"), bias=t(2))),
    ("old statistics", "instance-norm", collections.OrderedDict(running_mean=t(2), running_var=t(2))),
    ("statistics with version", "instance-norm", versions(plus(full("instance-norm"), running_mean=t(2)), 2)),
    ("statistics not tracked", "no-statistics", plus(full("no-statistics"), running_mean=t(2), num_batches_tracked=t(()))),
    ("attention without a bias", "attention", without(full("attention"), "in_proj_bias", "out_proj.bias")),
    ("shorter list", "parameter-list", without(full("parameter-list"), "1")),
    ("longer list", "parameter-list", {**full("parameter-list"), "2": t(1)}),
    ("one slope for many", "prelu", {"weight": t(3)}),
    ("recurrent", "lstm", without(full("lstm"), "bias_hh_l0")),
]


def answer(module, state, strict, assign):
    try:
        return str(module.load_state_dict(state, strict=strict, assign=assign))
    except Exception as error:
        return str(error)


table = collections.OrderedDict()
for name, module, state in CASES:
    for strict in (True, False):
        for assign in (False, True):
            table[f"{name}, strict={strict}, assign={assign}"] = {
                "module": module, "state": state, "strict": strict, "assign": assign,
                "text": answer(nets[module](), state, strict, assign)}
torch.save(table, sys.argv[1])
