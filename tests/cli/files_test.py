#!/usr/bin/env python3
"""The verbs of the file wing, on files made here."""
import functools
import hashlib
import io
import json
import os
import pathlib
import pickletools
import resource
import signal
import struct
import subprocess
import time
import unittest
import zipfile

from harness import Case, Expanded, FLAMBEAU, Tensor, Zeros, run, state, write_pth, write_safetensors


def contents(folder):
    """Of each file in it a digest."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None for path in folder.iterdir()}


class Broken(Case):
    """Wrong, cut and foreign files: one line on standard error that says what and where."""

    verbs = ["ls", "show", "dis"]

    def test_missing_file(self):
        for verb in self.verbs + ["verify", "scan"]:
            err = self.fails(2, verb, "/nowhere/model.pth")
            self.assertIn("/nowhere/model.pth", err)
            self.assertEqual(err.count("\n"), 1)

    def test_folder(self):
        self.fails(2, "ls", self.folder)

    def test_pipes_and_devices_do_not_hang(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        for path, why in ((fifo, "nothing comes"), ("/dev/zero", "no regular file"), ("/dev/null", "no regular file")):
            for verb in self.verbs + ["verify", "scan"]:
                self.assertIn(why, self.fails(2, verb, path))

    def test_a_reader_that_goes_away(self):
        process = subprocess.Popen([FLAMBEAU, "ls", self.small()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        self.assertIn(process.wait(), (0, -signal.SIGPIPE))
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_cut_file(self):
        whole = self.small().read_bytes()
        cut = self.folder / "cut.pth"
        for size in range(0, len(whole), 97):
            cut.write_bytes(whole[:size])
            status, out, err = run("ls", cut)
            self.assertEqual(status, 2, f"{size} of {len(whole)} bytes: {out}")
            self.assertIn("cut.pth", err)
            self.assertNotIn("internal", err)

    def test_foreign_files(self):
        for name, content in {"text.pth": b"hello world\n", "empty.pth": b"", "page.pth": b"<!DOCTYPE html><html>",
                              "lfs.pth": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"}.items():
            (self.folder / name).write_bytes(content)
            self.assertIn(name, self.fails(2, "ls", self.folder / name))

    def test_names_cannot_steer_the_terminal(self):
        path = self.folder / "evil.pth"
        write_pth(path, {"\x1b[2J\x1b]0;owned\x07": Tensor([1]), "a\nb": Tensor([2])})
        for words in (["ls", path], ["show", path], ["verify", path]):
            status, out, err = run(*words)
            self.assertNotIn("\x1b", out + err)
            self.assertNotIn("\x07", out + err)
        self.assertNotIn("\x1b", run("ls", path, "--json")[1])


    def test_small_files_with_huge_tensors(self):
        path = self.folder / "wide.pth"
        write_pth(path, {"small": Tensor([1]), "wide": Expanded(1, 10**6, 10**6)})
        for words in (["ls", path, "--sha256"], ["diff", path, path], ["show", path, "wide"],
                      ["convert", path, self.folder / "wide.safetensors"]):
            self.assertRegex(self.fails(2, *words), r"tensor 'wide': an expanded tensor of .* max_dense_bytes")
        self.ok("ls", path)


class Ls(Case):
    def test_table(self):
        out = self.ok("ls", self.small())
        self.assertRegex(out, r"(?m)^fc\.weight +float32 +\(2, 3\) +24 B$")
        self.assertIn("2 tensors, 8 elements, 32 B", out)

    def test_json(self):
        document = json.loads(self.ok("ls", self.small(), "--json", "--sha256"))
        self.assertEqual(document["format"], "torch-zip")
        weight, bias = document["tensors"]
        self.assertEqual(weight["path"], ["fc.weight"])
        self.assertEqual((weight["shape"], weight["stride"], weight["offset"], weight["nbytes"]), ([2, 3], [3, 1], 0, 24))
        self.assertEqual(bias["sha256"], hashlib.sha256(b"\0\0\0?\0\0\xc0\xbf").hexdigest())
        self.assertNotEqual(weight["storage"], bias["storage"])

    def test_sharing_is_shown(self):
        path = self.folder / "tied.pth"
        tied = Tensor([1, 2], key="0")
        write_pth(path, state(encoder=tied, decoder=Tensor([1, 2], key="0")))
        self.assertRegex(self.ok("ls", path), r"(?m)^decoder .* encoder$")
        first, second = json.loads(self.ok("ls", path, "--json"))["tensors"]
        self.assertEqual(first["storage"], second["storage"])

    def names(self, *words):
        return [row["name"] for row in json.loads(self.ok("ls", *words, "--json"))["tensors"]]

    def test_patterns(self):
        path = self.folder / "net.pth"
        write_pth(path, {name: Tensor([0]) for name in
                         ["features.0.weight", "features.0.bias", "features.10.weight", "head.weight", "features"]})
        self.assertEqual(self.names(path, "features.*.weight"), ["features.0.weight", "features.10.weight"])
        self.assertEqual(self.names(path, "*.weight"), ["head.weight"])
        self.assertEqual(self.names(path, "**.weight"), ["features.0.weight", "features.10.weight", "head.weight"])
        self.assertEqual(self.names(path, "features.?.bias"), ["features.0.bias"])
        self.assertEqual(self.names(path, "features.0"), ["features.0.weight", "features.0.bias"])
        self.assertEqual(self.names(path, "--exclude", "features.**"), ["head.weight", "features"])
        self.assertIn("did you mean 'head.weight'", self.fails(2, "ls", path, "head.wieght"))

    def test_storages_larger_than_what_is_seen_of_them(self):
        path = self.folder / "view.pth"
        write_pth(path, state(view=View([0.5] * 1024)))
        self.assertIn("1 tensors, 2 elements, 8 B in storages of 4.0 KiB\n", self.ok("ls", path))
        self.assertIn("1, 2 elements, 8 B in storages of 4.0 KiB\n", self.ok("show", path))
        self.assertNotIn("storages", self.ok("ls", self.small()))

    def test_a_second_file_and_a_folder_of_parts(self):
        first, second = self.small("a.pth"), self.small("b.pth")
        self.assertIn("which is a file: ls takes one", self.fails(2, "ls", first, second))
        self.ok("convert", first, self.folder / "big.bin.index.json", "--split", "24")
        for verb in ("ls", "show"):
            self.assertIn("this is a folder; the index of its parts is " + str(self.folder / "big.bin.index.json"),
                          self.fails(2, verb, self.folder))
        self.assertIn("'': cannot open", self.fails(2, "ls", ""))

    def test_sorting(self):
        path = self.folder / "net.pth"
        write_pth(path, state(b=Tensor([1]), a=Tensor([1, 2]), c=Tensor([1, 2, 3])))
        self.assertEqual(self.names(path), ["b", "a", "c"])
        self.assertEqual(self.names(path, "--sort", "name"), ["a", "b", "c"])
        self.assertEqual(self.names(path, "--sort=size"), ["c", "a", "b"])

    def test_root_and_prefix(self):
        path = self.folder / "checkpoint.pth"
        write_pth(path, {"epoch": 3, "model": state(module__fc=Tensor([1]))})
        self.assertEqual(self.names(path), ["model.module.fc"])
        self.assertEqual(self.names(path, "--root", "model"), ["module.fc"])
        self.assertEqual(self.names(path, "--root", "model", "--strip-prefix", "module."), ["fc"])
        self.assertIn("checkpoint.pth: no key 'modle'; did you mean 'model'", self.fails(2, "ls", path, "--root", "modle"))


class Show(Case):
    def test_a_shared_value_is_entered_once(self):
        path = self.folder / "doubled.pth"
        value = {"leaf": 1}
        for _ in range(60):
            value = [value, value]
        write_pth(path, {"betas": [(0.9, 0.99)] * 2, "doubled": value})
        out = self.ok("show", path)
        self.assertEqual(out.count("leaf: 1"), 1)
        self.assertIn("\n  1: (0.9, 0.99)\n", out)
        self.assertLess(len(out), 60 * 1000)

    def checkpoint(self):
        path = self.folder / "checkpoint.pth"
        loop = {"name": "loop"}
        loop["self"] = loop
        write_pth(path, {"epoch": 3, "lr": 1e-4, "betas": (0.9, 0.999), "loop": loop, "many": list(range(1000)),
                         "model": state(fc__weight=Tensor([1, -2, 3, float("nan")], (2, 2)))})
        return path

    def test_tree(self):
        out = self.ok("show", self.checkpoint())
        for line in ["epoch: 3", "lr: 0.0001", "betas: tuple of 2", "  self: dict (itself, above)", "  … and 800 more",
                     "  fc.weight: float32 (2, 2)"]:
            self.assertIn(line + "\n", out)

    def test_one_value(self):
        self.assertEqual(self.ok("show", self.checkpoint(), "betas.1"), "0.999\n")
        self.assertIn("checkpoint.pth: no key 'epohc'; did you mean 'epoch'", self.fails(2, "show", self.checkpoint(), "epohc"))

    def test_one_tensor(self):
        out = self.ok("show", self.checkpoint(), "model.fc.weight")
        self.assertRegex(out, r"(?m)^min +-2$")
        self.assertRegex(out, r"(?m)^NaN, inf +1, 0$")
        tensor = json.loads(self.ok("show", self.checkpoint(), "model.fc.weight", "--json"))
        self.assertEqual((tensor["max"], tensor["nan"], tensor["first"][:3]), (3, 1, [1, -2, 3]))

    def test_whole_numbers_are_not_rounded(self):
        for dtype, code, numbers in (("I64", "q", [2**53 + 1, -2**63]), ("U64", "Q", [2**64 - 1, 2**53 + 1])):
            path = write_safetensors(self.folder / "n.safetensors", n=(dtype, [2], struct.pack(f"<2{code}", *numbers)))
            tensor = json.loads(self.ok("show", path, "n", "--json"))
            self.assertEqual((tensor["min"], tensor["max"], tensor["first"]), (min(numbers), max(numbers), numbers))
            self.assertRegex(self.ok("show", path, "n"), rf"(?m)^max +{max(numbers)}$")

    def test_nothing_finite(self):
        path = self.folder / "nan.pth"
        write_pth(path, state(w=Tensor([float("nan")] * 2)))
        self.assertRegex(self.ok("show", path, "w"), r"min +nan\nmax +nan\nmean +nan\nstd +nan\nzeros +0\nNaN, inf +2, 0")
        self.assertEqual(json.loads(self.ok("show", path, "w", "--json"))["min"], "nan")

    def test_json_of_the_whole(self):
        self.assertEqual(json.loads(self.ok("show", self.checkpoint(), "--json"))["tensors"], 1)

    def test_deep_nesting_is_no_crash(self):
        path = self.folder / "deep.pth"
        nested = b"\x80\x02" + b"]" * 200000 + b"a" * 199999 + b"."
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("deep/data.pkl", nested)
            archive.writestr("deep/version", "3\n")
        self.ok("show", path)
        self.ok("ls", path)


class Verify(Case):
    def test_whole(self):
        self.assertIn("whole", self.ok("verify", self.small()))

    def test_flipped_bit_names_the_tensor(self):
        path = self.small()
        data = bytearray(path.read_bytes())
        data[data.index(b"\0\0\0?\0\0\xc0\xbf")] ^= 1
        path.write_bytes(data)
        status, out, err = run("verify", path)
        self.assertEqual(status, 1)
        self.assertIn("fc.bias", out)
        status, out, err = run("verify", path, "--json")
        self.assertFalse(json.loads(out)["files"][0]["whole"])

    def test_cut_file_is_damaged(self):
        path = self.small()
        path.write_bytes(path.read_bytes()[:-30])
        self.assertEqual(run("verify", path)[0], 1)

    def test_a_file_of_another_kind_cannot_be_read(self):
        text = self.folder / "notes.txt"
        text.write_text("neither a zip nor a pickle\n")
        status, out, err = run("verify", text)
        self.assertEqual(status, 2)
        self.assertIn("notes.txt: no checkpoint", out)

    def test_says_when_memory_ends(self):
        """Deflated storages of which no thread can inflate one."""
        path = self.folder / "inflated.pth"
        write_pth(path, state(a=Zeros(512 << 20), b=Zeros(512 << 20)), zipfile.ZIP_DEFLATED)
        limit = functools.partial(resource.setrlimit, resource.RLIMIT_AS, (400 << 20, 400 << 20))
        if run("--version", preexec_fn=limit)[0] != 0:
            self.skipTest("the command itself needs more (a sanitizer)")
        self.assertEqual(run("verify", path, preexec_fn=limit), (3, "", "flambeau: not enough memory\n"))

    def test_goes_on_after_a_missing_file(self):
        status, out, err = run("verify", "/nowhere", self.small())
        self.assertEqual(status, 2)
        self.assertIn("whole", out)


class Scan(Case):
    def dangerous(self):
        path = self.folder / "evil.pth"
        write_pth(path, {"x": Evil()})
        return path

    def test_clean(self):
        self.assertRegex(self.ok("scan", self.small()), r"small\.pth: clean")
        self.assertIn(": clean", self.ok("scan", pathlib.Path(__file__).parents[1] / "formats/data/dcp"))

    def test_dangerous(self):
        status, out, err = run("scan", self.dangerous())
        self.assertEqual(status, 1)
        self.assertRegex(out, r"dangerous.*\n.*system")
        document = json.loads(run("scan", self.dangerous(), self.small(), "--json")[1])
        self.assertEqual([row["verdict"] for row in document["files"]], ["dangerous", "clean"])

    def test_unreadable(self):
        path = self.folder / "text.pth"
        path.write_text("hello")
        self.assertEqual(run("scan", path)[0], 2)

    def test_loading_is_refused_but_for_looking(self):
        self.assertIn("system", self.fails(2, "ls", self.dangerous()))
        self.ok("ls", self.dangerous(), "--inert")
        self.fails(2, "convert", self.dangerous(), self.folder / "out.pth")
        self.assertFalse((self.folder / "out.pth").exists())


class View(Tensor):
    """The first two of many."""

    def __init__(self, values):
        super().__init__(values, (2,))


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


class Diff(Case):
    def pair(self, second):
        write_pth(self.folder / "b.pth", second)
        return self.small("a.pth"), self.folder / "b.pth"

    def test_equal(self):
        a = self.small("a.pth")
        self.assertIn("2 equal, 0 changed", self.ok("diff", a, self.small("b.pth")))

    def test_values_shapes_names(self):
        a, b = self.pair(state(fc__weight=Tensor(range(6), (3, 2)), fc__offset=Tensor([0.5, -1.5]), extra=Tensor([1])))
        status, out, err = run("diff", a, b)
        self.assertEqual(status, 1)
        self.assertIn("~ fc.weight: shape (2, 3) became (3, 2)", out)
        self.assertIn("> fc.bias is fc.offset", out)
        self.assertIn("+ extra", out)

    def test_distance(self):
        a, b = self.pair(state(fc__weight=Tensor([0, 1, 2, 3, 4, 5.0000005], (2, 3)), fc__bias=Tensor([0.5, -1.5])))
        change = json.loads(run("diff", a, b, "--json")[1])["changed"][0]
        self.assertEqual((change["what"], change["differing"], change["max_ulp"]), ("values", 1, 1))
        self.assertIn("1 ULP", run("diff", a, b)[1])

    def test_a_checkpoint_and_its_weights(self):
        a, b = self.pair({"epoch": 3, "model": state(module__fc__weight=Tensor(range(6), (2, 3)),
                                                     module__fc__bias=Tensor([0.5, -1.5]))})
        status, out, err = run("diff", a, b)
        self.assertEqual(status, 0)
        self.assertIn("2 equal", out)
        self.assertIn("took the weights under 'model', and 'module.' off their names", err)
        self.ok("diff", b, b, "--weights")
        self.assertEqual(run("diff", a, b, "--strip-prefix", "model.module.")[0], 0)

    def test_two_tensors_of_one_dotted_name(self):
        a, b = self.folder / "a.pth", self.folder / "b.pth"
        for keys in (lambda one, other: {"a.b": one, "a": {"b": other}}, lambda one, other: {1: one, "1": other}):
            for one, other in ((0, 3), (1, 2)):
                write_pth(a, keys(Tensor([0]), Tensor([2])))
                write_pth(b, keys(Tensor([one]), Tensor([other])))
                status, out, _ = run("diff", a, b)
                self.assertEqual(status, 1, out)
                self.assertIn("1 equal, 1 changed", out)
            write_pth(b, dict(reversed(keys(Tensor([0]), Tensor([2])).items())))
            self.assertIn("2 equal", self.ok("diff", a, b))

    def test_other_values(self):
        a, b = self.folder / "a.pth", self.folder / "b.pth"
        shared = [1, 2]
        tree = {"model": {"w": Tensor([1])}, "epoch": 1, "lr": [0.1, {"x": shared}], "names": {"a", "b"}, "again": shared}
        write_pth(a, tree)
        for change, paths in (({}, []), ({"epoch": 2}, ["epoch"]), ({"epoch": 1.0}, ["epoch"]), ({"epoch": True}, ["epoch"]),
                              ({"lr": (0.1, {"x": [1, 2]})}, []), ({"lr": [0.1, {"x": [1, 3], "y": 0}]}, ["lr.1.x.1", "lr.1.y"]),
                              ({"more": None}, ["more"]), ({"names": {"b", "a"}}, []), ({"names": {"a", "c"}}, ["names.'b'", "names.'c'"])):
            write_pth(b, {**tree, **change})
            status, out, _ = run("diff", a, b, "--json")
            document = json.loads(out)
            self.assertEqual(document["other_values"], {"differing": len(paths), "first": paths})
            self.assertEqual((status, document["same"]), (1, False) if paths else (0, True))
            self.ok("diff", a, b, "--weights")
        self.assertIn("other values that differ: 2 (names.'b', names.'c')\n", run("diff", a, b)[1])
        write_pth(a, {"epoch": 1})
        write_pth(b, [1, 2])
        self.assertIn("other values that differ: 3 (0, 1, epoch)\n", run("diff", a, b)[1])
        write_pth(a, {"a": {"w": Tensor([1])}})
        write_pth(b, {"a.w": Tensor([1])})
        self.ok("diff", a, b)

    def test_other_values_of_deep_and_endless_graphs(self):
        def cycle(length):
            first = last = []
            for _ in range(length):
                last.append([])
                last = last[0]
            last.append(first)
            return first

        a, b = self.folder / "a.pth", self.folder / "b.pth"
        for path, length in ((a, 100), (b, 101)):
            write_pth(path, cycle(length))
        self.ok("diff", a, b)
        write_pth(a, [cycle(200)] * 50000)
        write_pth(b, [])
        self.assertIn("too many values to compare", self.fails(2, "diff", a, b))
        twice = []
        for _ in range(60):
            twice = [twice, twice]
        write_pth(a, twice)
        self.ok("diff", a, a)
        for path, end in ((a, b"N"), (b, b"K\x01")):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("deep/data.pkl", b"\x80\x02" + b"]" * 100000 + end + b"a" * 100000 + b".")
                archive.writestr("deep/version", "3\n")
        self.assertIn("other values that differ: 1 (0.0.0", run("diff", a, b)[1])

    def test_tells_what_was_taken_only_when_it_was(self):
        a, b = self.pair({"epoch": 1, "model": state(other__weight=Tensor([9]))})
        status, _, err = run("diff", a, b)
        self.assertEqual((status, err), (1, ""))

    def test_whole_numbers_that_a_double_does_not_tell_apart(self):
        for dtype, code, one, other in (("I64", "q", 2**62, 2**62 + 1), ("I64", "q", -2**63, 2**63 - 1),
                                        ("U64", "Q", 2**64 - 1, 2**64 - 2)):
            a, b = (write_safetensors(self.folder / name, n=(dtype, [2], struct.pack(f"<2{code}", 7, number)))
                    for name, number in (("a.safetensors", one), ("b.safetensors", other)))
            status, out, _ = run("diff", a, b, "--json")
            change = json.loads(out)["changed"][0]
            self.assertEqual((status, change["differing"], change["max_abs"]), (1, 1, float(abs(one - other))))
        self.ok("diff", a, b, "--atol", "1")

    def test_infinity_and_nan(self):
        a, b = self.folder / "a.pth", self.folder / "b.pth"
        write_pth(b, state(w=Tensor([1, 2])))
        for odd in (float("inf"), float("-inf"), float("nan")):
            write_pth(a, state(w=Tensor([odd, 2])))
            change = json.loads(run("diff", a, b, "--json")[1])["changed"][0]
            self.assertEqual((change["max_abs"], change["cosine"]), ("inf", "nan"))
            self.assertIn("cosine nan", run("diff", a, b)[1])
            for words in ([a, b, "--atol", "inf"], [b, a, "--rtol", "1"]):
                self.assertEqual(run("diff", *words)[0], 1)
            self.ok("diff", a, a)
        self.ok("diff", b, b, "--atol", "inf")

    def test_tolerance(self):
        a, b = self.pair(state(fc__weight=Tensor([0, 1, 2, 3, 4, 5.001], (2, 3)), fc__bias=Tensor([0.5, -1.5])))
        self.assertEqual(run("diff", a, b)[0], 1)
        self.ok("diff", a, b, "--atol", "0.01")
        document = json.loads(run("diff", a, b, "--json")[1])
        self.assertEqual(document["changed"][0]["differing"], 1)
        self.assertAlmostEqual(document["changed"][0]["max_abs"], 0.001, places=5)


class Convert(Case):
    def test_same_tensors_and_stable_bytes(self):
        source = self.small()
        once, twice = self.folder / "once" / "m.pth", self.folder / "twice" / "m.pth"
        once.parent.mkdir(), twice.parent.mkdir()
        self.ok("convert", source, once)
        self.ok("convert", once, twice)
        self.assertEqual(once.read_bytes(), twice.read_bytes())
        self.ok("diff", source, once)

    def test_legacy_and_back(self):
        source, legacy, back = self.small(), self.folder / "legacy.pth", self.folder / "back.pth"
        self.ok("convert", source, legacy, "--legacy")
        self.assertEqual(json.loads(self.ok("ls", legacy, "--json"))["format"], "torch-legacy")
        self.ok("convert", legacy, back)
        self.assertIn("--legacy contradicts", self.fails(2, "convert", source, back, "--legacy", "--to", "torch-zip"))
        self.ok("convert", source, back, "--legacy", "--to", "torch-legacy")
        self.ok("diff", source, back)

    def test_dtype_keeps_ties(self):
        source, half = self.folder / "tied.pth", self.folder / "half.pth"
        write_pth(source, state(a=Tensor([1, 2], key="0"), b=Tensor([1, 2], key="0")))
        self.ok("convert", source, half, "--dtype", "bfloat16")
        a, b = json.loads(self.ok("ls", half, "--json"))["tensors"]
        self.assertEqual((a["dtype"], a["storage"]), ("bfloat16", b["storage"]))
        self.assertIn("did you mean 'float16'", self.fails(2, "convert", source, half, "--dtype", "flaot16"))

    def test_choice_and_prefix(self):
        source, out = self.folder / "checkpoint.pth", self.folder / "out.pth"
        write_pth(source, {"epoch": 1, "state_dict": state(module__fc__weight=Tensor([1]), module__head=Tensor([2]))})
        self.ok("convert", source, out, "--include", "module.fc.**", "--strip-prefix", "module.")
        self.assertEqual([row["path"] for row in json.loads(self.ok("ls", out, "--json"))["tensors"]], [["fc.weight"]])
        self.ok("convert", source, out, "--root", "state_dict")
        self.assertEqual(len(json.loads(self.ok("ls", out, "--json"))["tensors"]), 2)
        self.assertIn("no tensor is left", self.fails(2, "convert", source, out, "--include", "nothing"))

    def rows(self, path):
        return {row["name"]: row["dtype"] for row in json.loads(self.ok("ls", path, "--json"))["tensors"]}

    def test_dtype_leaves_optimizers_counters(self):
        source, out = self.folder / "steps.pth", self.folder / "out.pth"
        kept = {"step": Tensor([1001], shape=()), "exp_avg": Tensor([1, 2])}
        write_pth(source, {"optimizer": {"state": {0: kept}, "param_groups": [{"params": [0]}]}, "step": Tensor([1], shape=())})
        self.ok("convert", source, out, "--dtype", "bfloat16")
        self.assertEqual(self.rows(out), {"optimizer.state.0.step": "float32", "optimizer.state.0.exp_avg": "bfloat16",
                                            "step": "bfloat16"})
        self.ok("convert", source, out, "--dtype", "**.step=int64")
        self.assertEqual(self.rows(out)["optimizer.state.0.step"], "int64")

    def test_dtype_of_single_tensors(self):
        source, out = self.small(), self.folder / "out.pth"
        self.ok("convert", source, out, "--dtype", "float64", "--dtype", "**.bias=int32")
        self.assertEqual(self.rows(out), {"fc.weight": "float64", "fc.bias": "int32"})
        for name in ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128", "uint8", "int8",
                     "int16", "uint16", "uint32", "int64", "uint64", "bool"]:
            self.ok("convert", source, out, "--dtype", f"**={name}")
            self.assertEqual(set(self.rows(out).values()), {name})
        self.assertIn("GLOB=int8", self.fails(2, "convert", source, out, "--dtype", "int8"))
        self.fails(2, "convert", source, out, "--dtype", "qint8")
        self.assertIn("GLOB=DTYPE, not '=int8'", self.fails(2, "convert", source, out, "--dtype", "=int8"))

    def test_dtype_by_each_name_that_ls_prints(self):
        source, out = self.folder / "source.pth", self.folder / "out.pth"
        both = Tensor([1])
        write_pth(source, {"a": both, "b": both, "c": Tensor([2])})
        for name in "ab":
            self.ok("convert", source, out, "--dtype", f"{name}=float16")
            self.assertEqual(self.rows(out), {"a": "float16", "b": "float16", "c": "float32"})
        write_pth(source, state(module__fc__weight=Tensor([1]), module__fc__bias=Tensor([2])))
        out = self.folder / "out.safetensors"
        for prefix in ("", "module."):
            self.ok("convert", source, out, "--dtype", f"{prefix}fc.bias=float16", "--rename", f"{prefix}fc.weight=w")
            self.assertEqual(self.rows(out), {"fc.bias": "float16", "w": "float32"})
        self.assertIn("no tensor matches 'fc.bais'; did you mean 'fc.bias'",
                      self.fails(2, "convert", source, out, "--dtype", "fc.bais=float16"))

    def test_rename(self):
        source, out = self.small(), self.folder / "out.pth"
        self.ok("convert", source, out, "--rename", "fc=head.0")
        self.assertEqual(list(self.rows(out)), ["head.0.weight", "head.0.bias"])
        self.ok("convert", out, source, "--rename", "head.0.=", "--rename", "bias=shift")
        self.assertEqual(list(self.rows(source)), ["weight", "shift"])
        self.assertIn("did you mean 'head.0.bias'", self.fails(2, "convert", out, source, "--rename", "head.0.bais=b"))
        self.assertIn("two tensors", self.fails(2, "convert", out, source, "--rename", "head.0.bias=head.0.weight"))
        self.assertIn("OLD=NEW", self.fails(2, "convert", out, source, "--rename", "head"))

    def test_foreign_checkpoint_says_what_was_taken(self):
        source, out = self.folder / "foreign.pth", self.folder / "out.safetensors"
        write_pth(source, {"epoch": 1, "optimizer": {"state": {0: {"exp_avg": Tensor([1])}}, "param_groups": []},
                           "state_dict": state(module__fc__weight=Tensor([1]), module__fc__bias=Tensor([2]))})
        status, _, err = run("convert", source, out)
        self.assertEqual(status, 0)
        self.assertIn("took the weights under 'state_dict', and 'module.' off their names", err)
        self.assertIn("1 other tensors of the checkpoint are left out", err)
        self.assertEqual(list(self.rows(out)), ["fc.bias", "fc.weight"])
        self.ok("convert", source, out, "--strip-prefix", "")
        self.assertEqual(list(self.rows(out)), ["module.fc.bias", "module.fc.weight"])
        self.assertIn("no name begins with", self.fails(2, "convert", source, out, "--strip-prefix", "model."))
        document = json.loads(self.ok("show", source, "--json"))
        self.assertEqual((document["weights_key"], document["weights_prefix"]), ("state_dict", "module."))
        self.ok("convert", source, self.folder / "whole.pth")  # nothing is taken where nothing is asked for
        self.assertEqual(list(self.rows(self.folder / "whole.pth"))[1], "state_dict.module.fc.weight")

    def test_split_and_merge(self):
        source, index, back = self.folder / "big.pth", self.folder / "big.bin.index.json", self.folder / "back.pth"
        tied = Tensor(range(100), key="0")
        write_pth(source, state(a=tied, b=Tensor(range(200)), c=Tensor(range(10)), d=Tensor(range(100), key="0")))
        document = json.loads(self.ok("convert", source, index, "--split", "900", "--json"))
        self.assertEqual(len(document["shards"]), 2)
        written = json.loads(index.read_text())
        self.assertEqual(written["metadata"]["total_size"], 1240)
        self.assertEqual(written["weight_map"]["a"], "big-00001-of-00002.bin")
        self.assertEqual(written["weight_map"]["d"], written["weight_map"]["a"])  # tied tensors stay together
        self.ok("convert", index, back)
        self.ok("diff", source, back)
        plain = self.small()
        self.ok("convert", plain, self.folder / "small.safetensors.index.json", "--split", "24")
        self.ok("diff", plain, self.folder / "small.safetensors.index.json")
        self.assertIn("--split", self.fails(2, "convert", source, index))
        self.assertIn("index", self.fails(2, "convert", source, back, "--split", "1K"))
        self.assertIn("500M", self.fails(2, "convert", source, index, "--split", "lots"))

    def test_parts_are_cut_by_what_is_written(self):
        path = self.folder / "view.pth"
        write_pth(path, {"view": Tensor(range(1000), (2,)), "x": Tensor([1, 2, 3])})  # 8 bytes of 4000
        self.ok("convert", path, self.folder / "cut.bin.index.json", "--split", "2K")
        self.assertEqual(len(list(self.folder.glob("cut-*-of-00002.bin"))), 2)

    def test_failed_split_leaves_no_parts(self):
        source, folder = self.folder / "big.pth", self.folder / "parts"
        write_pth(source, state(a=Tensor(range(100)), b=Tensor(range(100))))
        (folder / "big.bin.index.json").mkdir(parents=True)
        self.fails(2, "convert", source, folder / "big.bin.index.json", "--split", "400")
        self.assertEqual([path.name for path in folder.iterdir()], ["big.bin.index.json"])

    def old_set(self):
        """The folder of a model in two parts, what is in it, and another model whose parts have the same names."""
        folder, source, other = self.folder / "set", self.folder / "big.pth", self.folder / "other.pth"
        folder.mkdir()
        write_pth(source, state(a=Tensor([1] * 100), b=Tensor([1] * 100)))
        write_pth(other, state(a=Tensor([2] * 100), b=Zeros(8 << 20)))
        self.ok("convert", source, folder / "big.bin.index.json", "--split", "400")
        return folder, contents(folder), other

    def test_failed_split_leaves_the_old_set(self):
        folder, before, other = self.old_set()

        def small_disk():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        self.fails(2, "convert", other, folder / "big.bin.index.json", "--split", "400", preexec_fn=small_disk)
        self.assertEqual(contents(folder), before)
        (folder / "big-00002-of-00002.bin").unlink()
        (folder / "big-00002-of-00002.bin").mkdir()
        self.assertIn("00002", self.fails(2, "convert", other, folder / "big.bin.index.json", "--split", "400"))
        self.assertEqual(contents(folder), {**before, "big-00002-of-00002.bin": None})

    def test_interrupted_split_leaves_one_set(self):
        folder, before, other = self.old_set()
        index = folder / "big.bin.index.json"
        for delay in [0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05]:
            process = subprocess.Popen([FLAMBEAU, "convert", other, index, "-q", "--split", "400"])
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            status = process.wait()
            self.assertIn(status, (0, -signal.SIGINT))
            self.assertEqual({path.name for path in folder.iterdir()}, set(before))
            if status == 0:
                self.ok("diff", other, index)
                break
            self.assertEqual(contents(folder), before)

    def test_split_keeps_the_mode_of_what_it_replaces(self):
        folder, before, other = self.old_set()
        for path in folder.iterdir():
            path.chmod(0o640)
        self.ok("convert", other, folder / "big.bin.index.json", "--split", "400")
        self.ok("diff", other, folder / "big.bin.index.json")
        self.assertEqual({path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}, dict.fromkeys(before, 0o640))

    def test_interrupt_leaves_no_litter(self):
        source, folder = self.folder / "big.pth", self.folder / "out"
        folder.mkdir()
        write_pth(source, state(a=Tensor([0.5] * 4_000_000)))
        for attempt, delay in enumerate([0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05]):
            process = subprocess.Popen([FLAMBEAU, "convert", source, folder / f"{attempt}.pth", "-q"])
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            self.assertIn(process.wait(), (0, -signal.SIGINT))
        self.assertEqual([path.name for path in folder.iterdir() if not path.name[0].isdigit() or path.suffix != ".pth"], [])
        for path in folder.iterdir():  # finished before the signal
            self.ok("verify", path)

    def test_failure_leaves_the_target(self):
        out = self.folder / "out.pth"
        out.write_bytes(b"before")
        (self.folder / "bad.pth").write_bytes(b"no checkpoint")
        self.fails(2, "convert", self.folder / "bad.pth", out)
        self.assertEqual(out.read_bytes(), b"before")
        self.fails(2, "convert", self.small(), self.folder / "nowhere" / "out.pth")

    def test_unknown_extension_asks_for_a_format(self):
        self.assertIn("--to", self.fails(2, "convert", self.small(), self.folder / "out.xyz"))


class Dis(Case):
    def test_as_pickletools_shows_it(self):
        out = self.ok("dis", self.small())
        self.assertIn("PROTO", out)
        self.assertIn("torch._utils _rebuild_tensor_v2", out)
        self.assertIn("STOP", out)
        with zipfile.ZipFile(self.small()) as archive:
            expected = io.StringIO()
            pickletools.dis(archive.read("small/data.pkl"), expected)
        self.assertEqual([line.split()[1:3] for line in out.splitlines()[:20]],
                         [line.split()[1:3] for line in expected.getvalue().splitlines()[:20]])


if __name__ == "__main__":
    unittest.main()
