#!/usr/bin/env python3
"""What the command says about a file: never lines of the file's own making, always a place and a way on."""
import io
import json
import pickle
import struct
import tarfile
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


class Places(Case):
    """Damage is told with its place: file first, record and tensor in fields of their own."""

    def damaged(self, name="damaged.pth"):
        path = self.small(name)
        data = bytearray(path.read_bytes())
        data[data.index(b"\0\0\0?\0\0\xc0\xbf")] ^= 1
        path.write_bytes(data)
        return path

    def problem(self, path):
        (problem,) = json.loads(run("verify", path, "--json")[1])["files"][0]["problems"]
        return problem

    def test_a_damaged_payload(self):
        path = self.damaged()
        problem = self.problem(path)
        self.assertEqual((problem["code"], problem["member"], problem["tensor"]), ("checksum", "damaged/data/1", "fc.bias"))
        self.assertRegex(problem["text"], r"^the data's crc-32 is [0-9a-f]{8}, recorded is [0-9a-f]{8}$")
        place = f"flambeau: {path}: damaged/data/1: tensor 'fc.bias': the data's crc-32"
        for words in (["ls", path, "--sha256"], ["convert", path, self.folder / "out.pth"],
                      ["convert", path, self.folder / "out.pth", "--legacy"],
                      ["convert", path, self.folder / "out.safetensors"]):
            self.assertTrue(self.fails(2, *words).startswith(place), run(*words)[2])

    def test_shards_are_named(self):
        index = self.folder / "model.bin.index.json"
        self.damaged("1.bin")
        index.write_text(json.dumps({"weight_map": {"fc.weight": "1.bin", "fc.bias": "1.bin"}}))
        self.assertEqual(self.problem(index)["member"], f"{self.folder}/1.bin: 1/data/1")
        (self.folder / "1.bin").unlink()
        self.assertEqual(self.problem(index)["member"], f"{self.folder}/1.bin")
        for verb in ("verify", "scan"):
            self.assertIn("1.bin", run(verb, index)[1].replace(str(index), ""))


class WaysOn(Case):
    """Refusals name what would do."""

    def test_safetensors(self):
        path, out = self.folder / "mixed.pth", self.folder / "out.safetensors"
        write_pth(path, {"w": Tensor([1]), "x": Tensor([2]), "epoch": 3, "lr": 0.5})
        err = self.fails(2, "convert", path, out)
        self.assertIn("'epoch' is a int, 'lr' is a float", err)
        self.assertIn("--exclude", err)
        self.ok("convert", path, out, "--exclude", "epoch", "--exclude", "lr")
        write_pth(path, state(a=Tensor([1], key="0"), b=Tensor([1], key="0")))
        self.assertIn("--exclude b", self.fails(2, "convert", path, out))
        self.ok("convert", path, out, "--exclude", "b")

    def test_dis_names_the_format(self):
        out = self.folder / "out.safetensors"
        self.ok("convert", self.small(), out)
        self.assertIn("no pickle, the format is safetensors", self.fails(2, "dis", out))
        out.write_text('{"a": 1}')
        self.assertIn("JSON text", self.fails(2, "dis", out))
        self.assertIn("a folder", self.fails(2, "dis", self.folder))

    def test_dis_reads_the_pickle_of_a_tar(self):
        path = self.folder / "old.pth"
        with tarfile.open(path, "w") as tar:
            for name, content in (("sys_info", {}), ("pickle", "here"), ("tensors", 0), ("storages", 0)):
                data = pickle.dumps(content, 2)
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        self.assertIn("BINUNICODE 'here'", self.ok("dis", path))
        self.assertIn("EMPTY_DICT", self.ok("dis", path, "--member", "sys_info"))
        self.assertIn("did you mean 'pickle'", self.fails(2, "dis", path, "--member", "pickel"))


if __name__ == "__main__":
    unittest.main()
