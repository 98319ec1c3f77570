#!/usr/bin/env python3
"""The weights of files that are no plain dict of tensors."""
import json
import unittest
import zipfile

import harness
from harness import Case, Tensor, state, write_pth


class Net:
    def __init__(self, **attributes):
        vars(self).update(attributes)


class Linear(Net):
    pass


harness.module("__torch__", Net=Net, Linear=Linear)


class TorchScript(Case):
    def script(self):
        path = self.folder / "script.pt"
        write_pth(path, Net(training=False, steps=Tensor([3], ()), fc=Linear(weight=Tensor([1, 2], (1, 2)), bias=Tensor([0.5]))))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("script/constants.pkl", b"\x80\x02).")
        return path

    def test_is_a_source_of_weights(self):
        plain = self.folder / "plain.pth"
        write_pth(plain, state(steps=Tensor([3], ()), fc__weight=Tensor([1, 2], (1, 2)), fc__bias=Tensor([0.5])))
        for out in ("out.pth", "out.safetensors", "legacy.pth"):
            status, _, err = harness.run("convert", self.script(), self.folder / out, *["--legacy"] * out.startswith("legacy"))
            self.assertEqual(status, 0, err)
            self.assertIn("TorchScript code, which is neither run nor kept", err)
            self.ok("diff", self.folder / out, plain)
            self.assertEqual(self.ok("scan", self.folder / out), f"{self.folder / out}: clean\n")
        self.ok("diff", self.script(), plain, "--weights")
        self.ok("convert", self.script(), self.folder / "fc.pth", "--include", "fc.**")
        self.assertEqual([row["path"] for row in json.loads(self.ok("ls", self.folder / "fc.pth", "--json"))["tensors"]],
                         [["fc.weight"], ["fc.bias"]])


if __name__ == "__main__":
    unittest.main()
