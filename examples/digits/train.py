"""Trains the little network of this example with PyTorch and writes what digits.cpp needs:

digits.pth        a training checkpoint as people write them: weights, optimizer state, labels, accuracy
held-back.npy     the held-back pictures, uint8 (N, 8, 8); labels.npy: what they show, int64 (N,)
logits.npy        what PyTorch answers for them, float32 (N, 10)
digit-*.png       some of them, eight times as large

Run: python train.py   (PyTorch 2.13, scikit-learn, Pillow; a minute on one core)
The data are scikit-learn's load_digits: 1,797 handwritten digits of the UCI repository (CC BY 4.0), 8 x 8, 17 grays.
"""
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent
MEAN, STD = 0.3053, 0.3759  # of all pixels / 255


class DigitsNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.hidden = nn.Linear(32 * 4 * 4, 32)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(32, 10)

    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.output(self.dropout(self.hidden(x).relu()))


def tensor(pixels):
    return ((torch.from_numpy(pixels.astype(np.float32)) / 255 - MEAN) / STD)[:, None]


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = load_digits()
    pixels = np.rint(data.images * (255 / 16)).astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(pixels, data.target.astype(np.int64), test_size=0.2,
                                                        random_state=0, stratify=data.target)
    x, y = tensor(train_x), torch.from_numpy(train_y)
    model = DigitsNet()
    epochs = 40
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()

    model.eval()
    with torch.inference_mode():
        logits = model(tensor(test_x)).numpy()
    correct = int((logits.argmax(1) == test_y).sum())
    accuracy = correct / len(test_y)
    print(f"held back: {correct} of {len(test_y)} right ({accuracy:.2%})")
    torch.save({"model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "epoch": epochs,
                "arch": "DigitsNet", "labels": [str(i) for i in range(10)], "mean": MEAN, "std": STD,
                "accuracy": accuracy}, HERE / "digits.pth")
    np.save(HERE / "held-back.npy", test_x)
    np.save(HERE / "labels.npy", test_y)
    np.save(HERE / "logits.npy", logits)
    for digit in (3, 5, 8):
        picture = Image.fromarray(test_x[np.flatnonzero(test_y == digit)[0]])
        picture.resize((64, 64), Image.Resampling.NEAREST).save(HERE / f"digit-{digit}.png", optimize=True)


if __name__ == "__main__":
    main()
