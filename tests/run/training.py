#!/usr/bin/env python3
"""General checkpoints of PyTorch, and whether it resumes from them.

training.py make FOLDER: trains a small model three steps with each optimizer and scheduler below and saves NAME.pth, as
the tutorial on general checkpoints does. The files of tests/run/data/training were made so with torch 2.13.
training.py resume FOLDER: loads rebuilt/NAME.pth, resumes, and compares the next four steps bit for bit with those of
the run that was not interrupted. Exit 1 if one differs.
"""
import sys
import warnings
from pathlib import Path

import torch
from torch import nn, optim
from torch.optim import lr_scheduler as sched

warnings.simplefilter("ignore")


def named(model):
    return [{"params": [(n, p) for n, p in model.named_parameters() if n.endswith("weight")], "lr": 0.02},
            {"params": [(n, p) for n, p in model.named_parameters() if n.endswith("bias")]}]


CASES = {
    "sgd": (lambda m: optim.SGD(m.parameters(), lr=0.1), lambda o: sched.StepLR(o, step_size=2)),
    "sgd-momentum": (lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
                     lambda o: sched.OneCycleLR(o, max_lr=0.5, total_steps=20)),
    "sgd-cyclic": (lambda m: optim.SGD(m.parameters(), lr=0.1), lambda o: sched.CyclicLR(
        o, 0.01, 0.1, step_size_up=3, mode="exp_range", gamma=0.99, cycle_momentum=False)),
    "adam-cyclic": (lambda m: optim.Adam(m.parameters(), lr=0.01), lambda o: sched.CyclicLR(
        o, 0.01, 0.1, step_size_up=2, step_size_down=4, mode="triangular2")),
    "adam": (lambda m: optim.Adam(m.parameters()), lambda o: sched.MultiStepLR(o, milestones=[2, 4, 4])),
    "adam-amsgrad": (lambda m: optim.Adam(m.parameters(), lr=0.01, betas=(0.8, 0.99), amsgrad=True),
                     lambda o: sched.ReduceLROnPlateau(o, patience=1)),
    "adamw": (lambda m: optim.AdamW(m.parameters()), lambda o: sched.CosineAnnealingLR(o, T_max=10)),
    "adamw-named-groups": (lambda m: optim.AdamW(named(m), lr=0.01), lambda o: sched.CosineAnnealingWarmRestarts(o, 3)),
    "rmsprop": (lambda m: optim.RMSprop(m.parameters()), lambda o: sched.LinearLR(o)),
    "rmsprop-centered": (lambda m: optim.RMSprop(m.parameters(), momentum=0.5, centered=True),
                         lambda o: sched.ExponentialLR(o, gamma=0.9)),
    "adagrad": (lambda m: optim.Adagrad(m.parameters(), lr_decay=0.1), lambda o: sched.LambdaLR(o, lambda e: 0.9**e)),
    "sequential": (lambda m: optim.SGD(m.parameters(), lr=0.1),
                   lambda o: sched.SequentialLR(o, [sched.LinearLR(o), sched.StepLR(o, 2)], milestones=[2])),
    "chained": (lambda m: optim.Adam(m.parameters()),
                lambda o: sched.ChainedScheduler([sched.ConstantLR(o), sched.PolynomialLR(o)])),
    "multiplicative": (lambda m: optim.SGD(m.parameters(), lr=0.1), lambda o: sched.MultiplicativeLR(o, lambda e: 0.9)),
}


class Run:
    def __init__(self, name):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        make_optimizer, make_scheduler = CASES[name]
        self.optimizer = make_optimizer(self.model)
        self.scheduler = make_scheduler(self.optimizer)
        self.epoch = 0
        self.loss = None

    def step(self):
        torch.manual_seed(100 + self.epoch)
        self.optimizer.zero_grad()
        self.loss = (self.model(torch.randn(4, 2)) - 1).square().mean()
        self.loss.backward()
        self.optimizer.step()
        plateau = isinstance(self.scheduler, sched.ReduceLROnPlateau)
        self.scheduler.step(1.0) if plateau else self.scheduler.step()
        self.epoch += 1

    def checkpoint(self):
        return {
            "epoch": self.epoch,
            "model_state_dict": self.model.state_dict(),
            "optimizer_state_dict": self.optimizer.state_dict(),
            "scheduler_state_dict": self.scheduler.state_dict(),
            "loss": self.loss.item(),
        }

    def resume(self, checkpoint):
        self.model.load_state_dict(checkpoint["model_state_dict"])
        self.optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        self.scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
        self.epoch = checkpoint["epoch"]


def make(folder):
    for name in CASES:
        run = Run(name)
        for _ in range(3):
            run.step()
        torch.save(run.checkpoint(), folder / f"{name}.pth")


def resume(folder):
    wrong = []
    for name in CASES:
        rebuilt = folder / "rebuilt" / f"{name}.pth"
        there = Run(name)
        for _ in range(3):
            there.step()
        again = Run(name)
        again.resume(torch.load(rebuilt, weights_only=True))
        for _ in range(4):
            there.step()
            again.step()
            same = all(torch.equal(a, b) for a, b in zip(there.model.parameters(), again.model.parameters(), strict=True))
            if not same or there.optimizer.param_groups[0]["lr"] != again.optimizer.param_groups[0]["lr"]:
                wrong.append(f"{name}: step {there.epoch} differs")
                break
    print("\n".join(wrong) or f"torch {torch.__version__} resumes from {len(CASES)} checkpoints")
    return 1 if wrong else 0


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    sys.exit(make(folder) if sys.argv[1] == "make" else resume(folder))
