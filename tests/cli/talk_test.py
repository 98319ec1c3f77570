#!/usr/bin/env python3
"""What the command says about a file: never lines of the file's own making, always a place and a way on."""
import struct
import unittest
import zipfile

from harness import Case, Tensor, run, state, write_pth

FORGED = "holiday.pth: clean"


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


class Forgery(Case):
    """A name with line ends in it forges no line, whatever says it."""

    def zipped(self, stream, **records):
        path = self.folder / "forge.pth"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {"a/data.pkl": stream, "a/version": b"3\n", **records}.items():
                archive.writestr(name, content)
        return path

    def check(self, path):
        for verb in ("scan", "verify", "ls", "show"):
            _, out, err = run(verb, path)
            for line in (out + err).splitlines():
                self.assertNotRegex(line, "^" + FORGED)
                self.assertNotIn("\t", line)

    def test_storage_key(self):
        key = f"0\n{FORGED}\n\t"
        self.check(self.zipped(b"\x80\x02(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + b"K\x02tQ."))

    def test_global(self):
        stream = b"\x80\x04\x8c\x02os\x8c" + bytes([len(FORGED) + 7]) + b"system\n" + FORGED.encode() + b"\x93)R."
        self.check(self.zipped(stream))

    def test_byteorder(self):
        self.check(self.zipped(b"\x80\x02}.", **{"a/byteorder": f"x\n{FORGED}"}))

    def test_record_is_escaped_once(self):
        path = self.zipped(b"\x80\x02}.", **{f"a/x\n{FORGED}": b"x"})
        self.check(path)
        for verb in ("scan", "verify"):
            self.assertIn(f"a/x\\n{FORGED}", run(verb, path)[1])

    def test_tensor(self):
        path, out = self.folder / "names.pth", self.folder / "out.safetensors"
        write_pth(path, {f"x\n{FORGED}": Tensor([1], key="0"), "b": Tensor([1], key="0")})
        err = self.fails(2, "convert", path, out)
        self.assertEqual(err.count("\n"), 1, err)

    def test_key_of_the_weights(self):
        path = self.folder / "names.pth"
        write_pth(path, {f"x\n{FORGED}": state(a=Tensor([1])), "epoch": 1, "rest": 2})
        err = run("convert", path, self.folder / "out.safetensors")[2]
        self.assertIn(f"x\\n{FORGED}", err)
        self.assertNotIn(f"\n{FORGED}", err)


if __name__ == "__main__":
    unittest.main()
