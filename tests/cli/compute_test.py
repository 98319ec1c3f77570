#!/usr/bin/env python3
"""The verbs that compute: models, init, predict, pull. The network is a server on this machine."""
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import threading
import unittest
import zipfile

from harness import FLAMBEAU, Case, Tensor, run, state, write_pth

IMAGES = pathlib.Path(__file__).parents[1] / "vision/data"
CAT = IMAGES / "444.jpg"


def setUpModule():
    global FOLDER, WEIGHTS
    import tempfile
    holder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(holder.cleanup)
    FOLDER = pathlib.Path(holder.name)
    WEIGHTS = FOLDER / "net.pth"
    status, _, err = run("init", "squeezenet1_1", "--seed", 3, "--classes", 4, "-o", WEIGHTS)
    assert status == 0, err


class Models(Case):
    def test_list_tree_and_keys(self):
        self.assertEqual(len(self.ok("models", "--names").split()), 80)
        self.assertEqual(len(json.loads(self.ok("models", "--json"))["models"]), 80)
        self.assertTrue(self.ok("models", "squeezenet1_1").startswith("SqueezeNet(\n  (features): Sequential(\n    (0): Conv2d("))
        self.assertIn("classifier.1.weight", self.ok("models", "squeezenet1_1", "--keys"))
        self.assertEqual(json.loads(self.ok("models", "squeezenet1_1", "--json"))["parameters"], 1235496)
        self.assertIn("did you mean 'vgg1", self.fails(2, "models", "vgg61"))
        self.assertIn("--names lists all", self.fails(2, "models", "vgg16", "--names"))
        self.assertIn("--keys needs", self.fails(2, "models", "--keys"))

    def test_prints_the_whole_model_of_a_file(self):
        whole, own = self.folder / "whole.pth", self.folder / "own.pth"
        self.ok("init", "squeezenet1_1", "--whole", "-o", whole)
        self.assertEqual(self.ok("models", whole), self.ok("models", "squeezenet1_1"))
        self.assertIn(f"'flambeau models {whole}' prints it", run("show", whole)[2])
        with zipfile.ZipFile(whole) as known, zipfile.ZipFile(own, "w") as unknown:
            for name in known.namelist():
                unknown.writestr(name, known.read(name).replace(b"models.squeezenet\nSqueezeNet\n", b"models.squeezenet\nOwn\n"))
        status, out, err = run("models", own)
        self.assertEqual((status, out), (0, self.ok("models", "squeezenet1_1").replace("SqueezeNet(", "Own(")))
        self.assertIn("the code of torchvision.models.squeezenet.Own is not restored", err)
        self.assertIn("no checkpoint", self.fails(2, "models", __file__))


class Bench(Case):
    def test_times_a_model_in_the_precision_that_is_asked_for(self):
        for precision in ("fp32", "bf16", "int8"):
            words = [] if precision == "fp32" else ["--precision", precision]
            answer = json.loads(self.ok("bench", "--json", "-m", "squeezenet1_1", "--runs", "2", *words))
            self.assertEqual((answer["model"], answer["precision"], answer["runs"]), ("squeezenet1_1", precision, 2))
            self.assertTrue(0 < answer["best_ms"] <= answer["median_ms"])
        self.assertIn("from 1 on", self.fails(2, "bench", "--threads", 0))
        self.assertIn("'fp16'", self.fails(2, "bench", "--precision", "fp16"))


class Init(Case):
    def test_seeds_are_those_of_manual_seed(self):
        paths = []
        for seed in (-1, 2**64 - 1, -2**63, 2**63):
            paths.append(self.folder / f"{seed}" / "net.pth")
            paths[-1].parent.mkdir()
            self.ok("init", "squeezenet1_1", f"--seed={seed}", "-o", paths[-1])
        minus_one, largest, least, middle = (path.read_bytes() for path in paths)
        self.assertEqual((minus_one, least), (largest, middle))
        self.assertNotEqual(minus_one, least)
        for wrong in ("-9223372036854775809", "18446744073709551616", "1.5", "-", ""):
            self.assertIn("of 64 bits", self.fails(2, "init", "squeezenet1_1", f"--seed={wrong}", "-o", paths[0]))

    def test_classes_that_cannot_be(self):
        err = self.fails(2, "init", "squeezenet1_1", "--classes", 2**64 - 1, "-o", self.folder / "net.pth")
        self.assertIn("--classes takes a whole number from 1 to 9223372036854775807", err)
        self.fails(2, "init", "squeezenet1_1", "--classes", 2**63 - 1, "-o", self.folder / "net.pth")


class Predict(Case):
    def answer(self, *words, **options):
        return json.loads(self.ok("predict", "--json", *words, **options))

    def test_recognises_the_model_and_shows_the_evidence(self):
        status, out, err = run("predict", "-w", WEIGHTS, CAT)
        self.assertEqual(status, 0, err)
        self.assertEqual(len(out.splitlines()), 1 + 4)
        self.assertIn("recognised squeezenet1_1: 52 of 52 names and shapes match, 4 classes", err)
        answer = self.answer("-w", WEIGHTS, CAT)
        self.assertEqual(answer["model"], "squeezenet1_1")
        self.assertEqual(answer["recognition"]["matched"], 52)
        self.assertEqual(answer["recognition"]["num_classes"], 4)
        self.assertEqual(answer["preprocessing"]["weights"], "SqueezeNet1_1_Weights.IMAGENET1K_V1")
        self.assertEqual(answer["results"], self.answer("-m", "squeezenet1_1", "-w", WEIGHTS, CAT)["results"])
        self.assertAlmostEqual(sum(row["probability"] for row in answer["results"][0]["top"]), 1, places=5)

    def test_says_how_far_a_lower_precision_moves_the_answer(self):
        for words in (["bf16"], ["int8"], ["int8", "--calibrate", CAT]):
            status, out, err = run("predict", "--json", "-w", WEIGHTS, "--precision", *words, CAT)
            self.assertEqual(status, 0, err)
            self.assertIn(words[0] + " against fp32, first input: outputs differ by ", err)
            deviation = json.loads(out)["deviation_from_fp32"]["relative_l2"]
            self.assertTrue(0 <= deviation < 0.1, deviation)
            self.assertTrue(deviation > 1e-4 or words == ["bf16"], "int8 computed in float32")
        self.assertNotIn("deviation_from_fp32", self.answer("-w", WEIGHTS, CAT))
        self.assertIn("--calibrate is for", self.fails(2, "predict", "-w", WEIGHTS, "--calibrate", CAT, CAT))
        self.assertIn("'fp16'", self.fails(2, "predict", "-w", WEIGHTS, "--precision", "fp16", CAT))

    def test_an_error_does_not_wait_for_images_that_are_still_to_come(self):
        fifo = self.folder / "later.png"
        os.mkfifo(fifo)
        for image in ("-", fifo):
            with subprocess.Popen([FLAMBEAU, "predict", "-w", self.folder / "missing.pth", image], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                try:
                    self.assertEqual(process.wait(timeout=20), 2)
                    self.assertIn(b"missing.pth", process.stderr.read())
                finally:
                    process.kill()

    def test_keeps_packed_weights_for_the_next_start(self):
        cache = self.folder / "plans"
        first = self.answer("-w", WEIGHTS, "--cache", cache, CAT)
        self.assertEqual([path.suffix for path in cache.iterdir()], [".pth"])
        self.assertEqual(self.answer("-w", WEIGHTS, "--cache", cache, CAT), first)
        blocked = self.folder / "file"
        blocked.write_text("no folder")
        self.assertIn("file: ", self.fails(2, "predict", "-w", WEIGHTS, "--cache", blocked, CAT))

    def test_takes_a_whole_model(self):
        whole = self.folder / "whole.pth"
        self.ok("init", "squeezenet1_1", "--seed", 3, "--classes", 4, "--whole", "-o", whole)
        answer = self.answer("-w", whole, CAT)
        self.assertEqual(answer["model"], "squeezenet1_1")
        self.assertEqual(answer["results"], self.answer("-w", WEIGHTS, CAT)["results"])
        self.assertIn("52 equal", self.ok("diff", whole, WEIGHTS))

    def test_casts_parts_of_a_whole_model(self):
        whole, half = self.folder / "whole.pth", self.folder / "half.pth"
        self.ok("init", "squeezenet1_1", "--whole", "-o", whole)
        self.ok("convert", whole, half, "--dtype", "features.0.*=float16")
        dtypes = {row["name"]: row["dtype"] for row in json.loads(self.ok("ls", half, "--json"))["tensors"]}
        self.assertEqual(dtypes["features.0.weight"], "float16")
        self.assertEqual(dtypes["features.3.squeeze.weight"], "float32")

    def test_says_what_can_run_the_tensors_of_an_unknown_class(self):
        whole, own = self.folder / "whole.pth", self.folder / "own.pth"
        self.ok("init", "squeezenet1_1", "--seed", 3, "--classes", 4, "--whole", "-o", whole)
        with zipfile.ZipFile(whole) as known, zipfile.ZipFile(own, "w") as unknown:
            for name in known.namelist():
                unknown.writestr(name, known.read(name).replace(b"models.squeezenet\nSqueezeNet\n", b"models.squeezenet\nOwn\n"))
        err = self.fails(2, "predict", "-w", own, CAT)
        self.assertIn("own.pth: Own cannot be run: class torchvision.models.squeezenet.Own is not known here", err)
        self.assertIn("; its tensors are squeezenet1_1's: --model squeezenet1_1 runs them as such", err)
        self.assertEqual(self.answer("-w", whole, CAT)["results"], self.answer("-m", "squeezenet1_1", "-w", own, CAT)["results"])

    def test_takes_weights_from_torchscript_only(self):
        script = self.folder / "script.pt"
        pickled = b"\x80\x02c__torch__.torchvision.models.resnet\nResNet\n)\x81}X\x08\x00\x00\x00trainingI00\nsb."
        with zipfile.ZipFile(script, "w") as archive:
            for name, content in (("data.pkl", pickled), ("constants.pkl", b"\x80\x02)."), ("version", b"3\n"),
                                  ("code/__torch__/torchvision/models/resnet.py", b"class ResNet(Module):\n")):
                archive.writestr("script/" + name, content)
        err = self.fails(1, "predict", "-w", script, CAT)
        self.assertIn("script.pt: the weights are of no known model", err)

    def test_answers_folders_and_standard_input(self):
        photos = self.folder / "photos"
        photos.mkdir()
        for name in ("b.JPG", "a.jpg"):
            shutil.copy(CAT, photos / name)
        (photos / "notes.txt").write_text("no image")
        results = self.answer("-w", WEIGHTS, photos, IMAGES / "rgb8.png")["results"]
        self.assertEqual([pathlib.Path(row["input"]).name for row in results], ["a.jpg", "b.JPG", "rgb8.png"])
        self.assertEqual(results[0]["top"], results[1]["top"])
        with open(CAT, "rb") as image:
            piped = subprocess.run([FLAMBEAU, "predict", "--json", "-w", WEIGHTS, "-"], stdin=image, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, check=True)
        self.assertEqual(json.loads(piped.stdout)["results"], [{"input": "-", "top": results[0]["top"]}])
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertIn("no .jpg, .jpeg or .png file", self.fails(2, "predict", "-w", WEIGHTS, empty))

    def test_a_broken_image_is_named_and_the_others_are_answered(self):
        broken = self.folder / "broken.jpg"
        broken.write_bytes(CAT.read_bytes()[:700])
        self.assertIn("broken.jpg: jpeg: ", self.fails(2, "predict", "-w", WEIGHTS, broken))
        status, out, err = run("predict", "--json", "-w", WEIGHTS, CAT, broken, CAT)
        self.assertEqual(status, 2)
        self.assertIn("broken.jpg: jpeg: ", err)
        results = json.loads(out)["results"]
        self.assertEqual(["top" in row for row in results], [True, False, True])
        self.assertIn("broken.jpg: jpeg: ", results[1]["error"])
        text = self.folder / "text.jpg"
        text.write_text("hello")
        self.assertIn("text.jpg: neither jpeg nor png", self.fails(2, "predict", "-w", WEIGHTS, text))

    def test_wrong_use(self):
        self.assertIn("--weights FILE, or --model NAME", self.fails(2, "predict", CAT))
        self.assertIn("give images", self.fails(2, "predict", "-w", WEIGHTS))
        self.assertIn("did you mean '--weights'", self.fails(2, "predict", "--weight", WEIGHTS, CAT))
        self.assertIn("did you mean", self.fails(2, "predict", "-m", "squeezenet1_2", "-w", WEIGHTS, CAT))
        self.assertIn("absent.pth", self.fails(2, "predict", "-w", "absent.pth", CAT))
        self.assertIn("absent.jpg", self.fails(2, "predict", "-w", WEIGHTS, "absent.jpg"))
        cut = self.folder / "cut.pth"
        cut.write_bytes(WEIGHTS.read_bytes()[:100_000])
        self.assertIn("cut.pth", self.fails(2, "predict", "-w", cut, CAT))

    def test_complex_input_is_refused(self):
        npy = self.folder / "x.npy"
        header = "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 3, 64, 64), }".ljust(117) + "\n"
        npy.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(8 * 3 * 64 * 64))
        self.assertIn("x.npy: models take real numbers", self.fails(2, "predict", "-w", WEIGHTS, "--tensor", npy))

    def test_weights_of_another_model(self):
        err = self.fails(1, "predict", "-m", "squeezenet1_0", "-w", WEIGHTS, CAT)
        self.assertIn("Error(s) in loading state_dict for SqueezeNet:", err)
        self.assertIn("The weights are squeezenet1_1's.", err)

    def test_weights_of_no_model(self):
        err = self.fails(1, "predict", "-w", self.small(), CAT)
        self.assertIn("the weights are of no known model; nearest is", err)
        self.assertIn("fc.weight: (2, 3) for (2, ", err)
        odd = self.folder / "odd.pth"
        write_pth(odd, state(a__b=Tensor([1.0])))
        self.assertIn("none of 1 names", self.fails(1, "predict", "-w", odd, CAT))

    def test_labels(self):
        labels = self.folder / "labels.txt"
        labels.write_text("ant\nbee\r\ncat\ndog\n")
        found = {row["label"] for row in self.answer("-w", WEIGHTS, "--labels", labels, CAT)["results"][0]["top"]}
        self.assertEqual(found, {"ant", "bee", "cat", "dog"})
        labels.write_text("ant\n")
        self.assertIn("labels.txt: 1 labels for 4 classes", self.fails(2, "predict", "-w", WEIGHTS, "--labels", labels, CAT))
        labels.write_text("")
        self.assertIn("labels.txt: no labels in it", self.fails(2, "predict", "-w", WEIGHTS, "--labels", labels, CAT))
        self.assertIn("cannot be read", self.fails(2, "predict", "-w", WEIGHTS, "--labels", self.folder, CAT))
        full = self.folder / "full.pth"
        self.ok("init", "mnasnet0_5", "-o", full)
        names = [row["label"] for row in self.answer("-w", full, "-k", 1000, CAT)["results"][0]["top"]]
        self.assertEqual(len(set(names)), 1000)
        self.assertIn("Samoyed", names)


class Server(http.server.ThreadingHTTPServer):
    """Serves one body, with faults by the first part of the path."""

    def __init__(self, body):
        self.body, self.asked = body, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, kind):
        return f"http://127.0.0.1:{self.server_port}/{kind}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        kind = self.path.split("/")[1]
        if kind == "moved":
            self.send_response(302)
            self.send_header("Location", self.path.replace("/moved/", "/plain/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if kind == "absent":
            self.send_error(404)
            return
        body = server.body[::-1] if kind == "wrong" else server.body
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:len(body) // 2] if kind == "cut" else body[start:])
        self.close_connection = True

    def log_message(self, *_):
        pass


class Pull(Case):
    """mnasnet0_5's name asks for ten digits of the hash, which no file of ours has: only refusals and what comes before."""

    def setUp(self):
        super().setUp()
        self.server = Server(os.urandom(50_000))
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.env = {"TORCH_HOME": str(self.folder / "torch")}
        self.cache = self.folder / "torch/hub/checkpoints"
        self.name = "mnasnet0.5_top1_67.823-3ffadce67e.pth"

    def pull(self, kind, *words):
        return run("pull", *words, "mnasnet0_5", "--from", self.server.url(kind), env=self.env)

    def files(self):
        return sorted(path.name for path in self.cache.iterdir()) if self.cache.exists() else []

    def test_another_hash_is_refused_and_leaves_nothing(self):
        for kind in ("plain", "moved"):
            status, out, err = self.pull(kind)
            self.assertEqual((status, out), (2, ""))
            digest = hashlib.sha256(self.server.body).hexdigest()
            self.assertIn(f'invalid hash value (expected "3ffadce67e", got "{digest}")', err)
            self.assertIn(f'downloading "{self.server.url(kind)}/{self.name}" to {self.cache}/{self.name}', err)
            self.assertEqual(self.files(), [])

    def test_a_cut_download_goes_on(self):
        status, _, err = self.pull("cut")
        self.assertEqual(status, 2)
        self.assertIn("a copy from elsewhere can be put at", err)
        self.assertEqual(self.files(), [self.name + ".partial", self.name + ".partial.etag"])
        self.server.asked.clear()
        self.assertIn("invalid hash", self.pull("plain")[2])
        # The halves give another hash: once more as a whole.
        self.assertEqual(self.server.asked, [("/plain/" + self.name, "bytes=25000-"), ("/plain/" + self.name, None)])

    def test_errors_are_named(self):
        self.assertIn("status 404", self.pull("absent")[2])
        status, _, err = run("pull", "mnasnet0_5", "--from", "http://127.0.0.1:1", env=self.env)
        self.assertEqual(status, 2)
        self.assertIn("cannot reach the server (offline?)", err)
        self.assertIn("did you mean 'mnasnet0_5'", self.fails(2, "pull", "mnasnet_05"))
        self.assertIn("there are IMAGENET1K_V1", self.fails(2, "pull", "vgg19:IMAGENET1K_V2"))

    def test_the_cache_is_used(self):
        self.cache.mkdir(parents=True)
        path = self.cache / self.name
        self.ok("init", "mnasnet0_5", "--seed", 1, "-o", path)
        status, out, err = self.pull("plain")
        self.assertEqual((status, out), (0, f"{path}\n"), err)
        self.assertIn("was there already", err)
        self.assertEqual(self.server.asked, [])
        listed = json.loads(self.ok("pull", "--list", "--json", "mnasnet0_5", env=self.env))
        self.assertEqual([row["path"] for row in listed["models"][0]["weights"]], [str(path)])
        listed = json.loads(self.ok("pull", "--list", "--json", "mnasnet0_5", "vgg16", env=self.env))
        self.assertEqual([row["model"] for row in listed["models"]], ["mnasnet0_5", "vgg16"])
        answer = json.loads(self.ok("predict", "--json", "-m", "mnasnet0_5", CAT, env=self.env))
        self.assertEqual(answer["preprocessing"]["weights"], "MNASNet0_5_Weights.IMAGENET1K_V1")
        self.assertEqual(answer["weights"], str(path))
        self.assertIn("label", answer["results"][0]["top"][0])
        self.assertIn("invalid hash", self.pull("plain", "--again")[2])
        self.assertTrue(path.exists(), "a refused download leaves the old file")

    def test_goes_through_a_proxy(self):
        for variable in ("http_proxy", "HTTP_PROXY"):
            self.server.asked.clear()
            run("pull", "mnasnet0_5", "--from", "http://weights.invalid/plain", env={**self.env, variable: self.server.url("")})
            self.assertEqual(self.server.asked[0][0], f"http://weights.invalid/plain/{self.name}")


if __name__ == "__main__":
    unittest.main()
