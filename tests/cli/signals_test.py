#!/usr/bin/env python3
"""Signals: the first of those that end a process leaves no litter, what was ignored stays ignored."""
import os
import resource
import signal
import subprocess
import unittest

from harness import Case, FLAMBEAU, Tensor, state, write_pth

MEBIBYTE = 1 << 20


class Signals(Case):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "big.pth"
        write_pth(self.source, state(**{f"t{i}": Tensor([0.5] * MEBIBYTE) for i in range(16)}))
        self.out = self.folder / "out"
        self.out.mkdir()

    def start(self, name, ignored=(), limit=None):
        def prepare():
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen([FLAMBEAU, "convert", self.source, self.out / name, "-q"], preexec_fn=prepare,
                                stderr=subprocess.PIPE, text=True)

    def stop_while_writing(self, name, number, **options):
        """The status, and whether the signal came while the temporary file was there."""
        process = self.start(name, **options)
        while process.poll() is None:
            if any(entry.endswith(".tmp") for entry in os.listdir(self.out)):
                process.send_signal(number)
                process.communicate()
                return process.returncode, True
        process.communicate()
        return process.returncode, False

    def check_stops(self, name, number):
        for _ in range(20):
            status, came = self.stop_while_writing(name, number)
            self.assertIn(status, (0, -number))
            self.assertFalse([entry for entry in os.listdir(self.out) if entry.startswith(".")])
            if status == -number and came:
                return
        self.fail(f"{name} was never stopped by {number.name}")

    def test_every_format_stops(self):
        for name in ("out.pth", "out.safetensors"):
            self.check_stops(name, signal.SIGINT)

    def test_other_signals_leave_no_litter(self):
        for number in (signal.SIGQUIT, signal.SIGXCPU, signal.SIGHUP, signal.SIGTERM):
            self.check_stops("out.pth", number)

    def test_what_is_ignored_stays_ignored(self):
        for number in (signal.SIGHUP, signal.SIGINT):
            for _ in range(5):
                self.assertEqual(self.stop_while_writing("out.pth", number, ignored=(number,))[0], 0)

    def test_a_limit_on_file_sizes_is_an_error(self):
        process = self.start("out.pth", limit=MEBIBYTE)
        err = process.communicate()[1]
        self.assertEqual(process.returncode, 2)
        self.assertRegex(err, "out.pth: .*cannot write: file too large")
        self.assertEqual(os.listdir(self.out), [])


if __name__ == "__main__":
    unittest.main()
