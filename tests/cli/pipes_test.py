#!/usr/bin/env python3
"""Pipes: "-" and process substitution as input, "-" as output."""
import json
import os
import subprocess
import unittest

from harness import Case, FLAMBEAU, Tensor, state, write_pth


def piped(content, *words):
    """Exit status, standard output (bytes), standard error of a call with `content` on standard input."""
    done = subprocess.run([FLAMBEAU, *map(str, words)], input=content, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode()


class Input(Case):
    def test_every_reading_verb_takes_a_pipe(self):
        path = self.small()
        for words in (["ls", "-"], ["ls", "/dev/stdin"], ["show", "-"], ["show", "-", "fc.bias"], ["verify", "-"], ["scan", "-"],
                      ["dis", "-"], ["diff", "-", path], ["diff", path, "-"], ["convert", "-", self.folder / "out.pth"]):
            status, out, err = piped(path.read_bytes(), *words)
            self.assertEqual(status, 0, f"{words}: {err}")
        self.ok("diff", path, self.folder / "out.pth")

    def test_a_large_pipe(self):
        path = self.folder / "large.pth"
        write_pth(path, state(a=Tensor([0.25] * 1_000_000)))
        rows = json.loads(piped(path.read_bytes(), "ls", "-", "--json", "--sha256")[1])["tensors"]
        self.assertEqual(rows, json.loads(self.ok("ls", path, "--json", "--sha256"))["tensors"])

    def test_process_substitution(self):
        path = self.small()
        subprocess.run(["bash", "-c", f"{FLAMBEAU} diff <(cat {path}) <(sleep 0.1; cat {path})"], check=True,
                       stdout=subprocess.DEVNULL)

    def test_standard_input_may_be_a_file(self):
        with self.small().open("rb") as file:
            subprocess.run([FLAMBEAU, "ls", "-"], stdin=file, stdout=subprocess.DEVNULL, check=True)

    def test_broken_content_is_told(self):
        content = self.small().read_bytes()
        for broken in (content[:-30], content[:100], b"hello"):
            self.assertEqual(piped(broken, "ls", "-")[0], 2)
            self.assertEqual(piped(broken, "scan", "-")[0], 2)
            self.assertIn(piped(broken, "verify", "-")[0], (1, 2))
        status, _, err = piped(b"", "ls", "-")
        self.assertEqual(status, 2)
        self.assertIn("nothing comes through the pipe", err)

    def test_a_pipe_has_a_limit(self):
        status, _, err = piped(b"\0" * 5000, "ls", "-", "--limit", "max_stream_bytes=4K")
        self.assertEqual(status, 2)
        self.assertIn("max_stream_bytes = 4096", err)


class Output(Case):
    def test_convert_writes_to_standard_output(self):
        path, out = self.small(), self.folder / "out"
        for words in ([], ["--to", "safetensors"], ["--legacy"], ["--include", "**"]):
            status, content, err = piped(b"", "convert", path, "-", *words)
            self.assertEqual(status, 0, err)
            self.assertRegex(err, r"^flambeau: -: [a-z-]+, [1-9]")
            out.write_bytes(content)
            self.ok("diff", path, out)
        self.assertIn("--json", self.fails(2, "convert", path, "-", "--json"))

    def test_a_terminal_gets_no_data(self):
        first, second = os.openpty()
        done = subprocess.run([FLAMBEAU, "convert", self.small(), "-"], stdout=second, stderr=subprocess.PIPE, text=True)
        os.close(first), os.close(second)
        self.assertEqual(done.returncode, 2)
        self.assertIn("terminal", done.stderr)

    @unittest.skipUnless(os.path.exists(FLAMBEAU + "-nn"), "no compute wing")
    def test_init_and_predict(self):
        for words in ([], ["--whole"]):
            status, content, err = piped(b"", "init", "squeezenet1_1", "-o", "-", *words)
            self.assertEqual(status, 0, err)
            self.ok("init", "squeezenet1_1", "-o", self.folder / "archive.pth", *words)
            self.assertEqual(content, (self.folder / "archive.pth").read_bytes())


if __name__ == "__main__":
    unittest.main()
