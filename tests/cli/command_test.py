#!/usr/bin/env python3
"""The command's contracts: help, wrong use, completions, pipes, signals, exit statuses."""
import os
import pty
import shutil
import signal
import subprocess
import time
import unittest

from harness import FLAMBEAU, Case, Tensor, run, state, write_pth

VERBS = ["ls", "show", "verify", "scan", "diff", "convert", "dis", "models", "init", "predict", "pull", "bench", "completions", "help"]


class Help(Case):
    def test_lists_every_verb_in_both_lengths(self):
        short, full = self.ok("-h"), self.ok("--help")
        for verb in VERBS:
            self.assertRegex(short, rf"(?m)^  {verb} ")
        self.assertLess(len(short), len(full))
        self.assertLess(short.count("\n"), 24, "-h fits on one screen")
        self.assertIn("Exit status", full)

    def test_of_each_verb(self):
        for verb in VERBS:
            short, full = self.ok(verb, "-h"), self.ok(verb, "--help")
            self.assertTrue(short.startswith(f"Usage: flambeau {verb}"), short)
            self.assertLess(len(short), len(full))
            self.assertEqual(full, self.ok("help", verb))
            self.assertLessEqual(max(map(len, full.splitlines())), 132)

    def test_without_arguments_is_wrong_use(self):
        self.assertIn("Usage", self.fails(2))

    def test_version(self):
        self.assertRegex(self.ok("--version"), r"^flambeau \d+\.\d+\.\d+\n$")


class WrongUse(Case):
    def test_unknown_verb(self):
        err = self.fails(2, "lss")
        self.assertIn("no command 'lss'; did you mean 'ls'", err)
        self.assertIn("flambeau -h", err)

    def test_unknown_option(self):
        self.assertIn("no option '--jsn'; did you mean '--json'", self.fails(2, "ls", "x", "--jsn"))
        self.assertIn("no option '-Z'", self.fails(2, "ls", "x", "-Z"))

    def test_unknown_choice(self):
        self.assertIn("did you mean 'name'", self.fails(2, "ls", "x", "--sort", "nam"))

    def test_missing_and_extra_operands_and_values(self):
        self.assertIn("FILE", self.fails(2, "ls"))
        self.assertIn("too many", self.fails(2, "dis", "a", "b"))
        self.assertIn("needs a value", self.fails(2, "ls", "x", "--sort"))
        self.assertIn("takes no value", self.fails(2, "ls", "x", "--json=1"))

    def test_unknown_limit(self):
        self.assertIn("did you mean 'max_objects'", self.fails(2, "ls", self.small(), "--limit", "max_object=3"))
        self.assertIn("NAME=N", self.fails(2, "ls", self.small(), "--limit", "max_objects=many"))

    def test_limits_reach_the_reader(self):
        err = self.fails(2, "ls", self.small(), "--limit=max_objects=3")
        self.assertIn("max_objects", err)
        self.ok("ls", self.small(), "--limit", "max_objects=1M")

    def test_double_dash_ends_options(self):
        self.assertIn("--json", self.fails(2, "ls", "--", "--json"))

    def test_escapes_what_it_repeats(self):
        for words in (["ls", "no\x1b[31msuch"], ["\x1b[31m"], ["ls", "x", "--\x1b[31m"]):
            self.assertNotIn("\x1b", self.fails(2, *words))


class Completions(Case):
    def test_name_every_verb_and_option(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.ok("completions", shell)
            for word in VERBS + ["sha256", "strip-prefix", "threads"]:
                self.assertIn(word, script)

    def test_parse_in_their_shells(self):
        for shell in ("bash", "zsh", "fish"):
            if not shutil.which(shell):
                continue
            script = self.folder / f"c.{shell}"
            script.write_text(self.ok("completions", shell))
            subprocess.run([shell, "-n", script], check=True)

    def complete(self, *words):
        script = self.ok("completions", "bash")
        driver = f"""{script}
        COMP_WORDS=({' '.join(f"'{w}'" for w in words)}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _flambeau
        printf '%s\\n' "${{COMPREPLY[@]}}" """
        return subprocess.run(["bash", "-c", driver], check=True, capture_output=True, text=True, cwd=self.folder).stdout.splitlines()

    def test_bash_completes(self):
        self.assertEqual(self.complete("flambeau", "conv"), ["convert"])
        self.assertEqual(self.complete("flambeau", "ls", "--sh"), ["--sha256"])
        self.assertEqual(self.complete("flambeau", "ls", "--sort", "d"), ["dtype"])
        self.assertEqual(self.complete("flambeau", "ls", "--sort", "=", "s"), ["size"])
        self.assertEqual(self.complete("flambeau", "ls", "--sort", "="), ["file", "name", "size", "dtype"])
        self.assertEqual(self.complete("flambeau", "completions", "z"), ["zsh"])

    def test_bash_completes_names_with_blanks(self):
        (self.folder / "a b.pth").touch()
        self.assertEqual(self.complete("flambeau", "ls", "a"), ["a b.pth"])
        self.assertEqual(self.complete("flambeau", "predict", "-w", "a"), ["a b.pth"])

    def test_unknown_shell(self):
        self.assertIn("bash, zsh and fish", self.fails(2, "completions", "tcsh"))


class Streams(Case):
    def many(self):
        path = self.folder / "many.pth"
        write_pth(path, {f"layer{i}.weight": Tensor([i]) for i in range(5000)})
        return path

    def test_closed_pipe_ends_quietly(self):
        piped = subprocess.Popen([FLAMBEAU, "ls", self.many()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        piped.stdout.readline()
        piped.stdout.close()
        err = piped.stderr.read()
        piped.stderr.close()
        self.assertEqual(piped.wait(), -signal.SIGPIPE)
        self.assertEqual(err, b"")

    def test_full_disk_is_told(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([FLAMBEAU, "ls", self.many()], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output", done.stderr)

    def test_no_colour_and_no_progress_in_pipes(self):
        status, out, err = run("ls", self.small())
        self.assertNotIn("\x1b", out + err)

    def on_terminal(self, *words, env=None):
        master, slave = pty.openpty()
        child = subprocess.Popen([FLAMBEAU, *map(str, words)], stdout=slave, stderr=slave,
                                 env={**os.environ, "TERM": "xterm", **(env or {})})
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        os.close(master)
        self.assertEqual(child.wait(), 0)
        return text.decode()

    def test_colour_on_a_terminal_unless_unwanted(self):
        environment = {"NO_COLOR": ""}
        self.assertIn("\x1b[1m", self.on_terminal("ls", self.small(), env=environment))
        self.assertNotIn("\x1b", self.on_terminal("ls", self.small(), env={"NO_COLOR": "1"}))
        self.assertNotIn("\x1b", self.on_terminal("ls", self.small(), env={**environment, "TERM": "dumb"}))


class Signals(Case):
    def test_interrupt_leaves_no_litter(self):
        source = self.folder / "big.pth"
        write_pth(source, state(weight=Zeros(1 << 26)))
        target = self.folder / "out.pth"
        target.write_bytes(b"before")
        child = subprocess.Popen([FLAMBEAU, "convert", source, target], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + 20
        while len(list(self.folder.iterdir())) < 3 and child.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
        if child.returncode == 0:
            self.skipTest("the machine was faster than the signal")
        self.assertEqual(child.returncode, -signal.SIGINT)
        self.assertEqual(target.read_bytes(), b"before")
        self.assertEqual({p.name for p in self.folder.iterdir()}, {"big.pth", "out.pth"})


class Zeros(Tensor):
    """Many numbers that take no memory here."""

    def __init__(self, count):
        super().__init__(range(count), key="0")

    def pieces(self):
        for at in range(0, 4 * len(self.values), 1 << 20):
            yield bytes(min(1 << 20, 4 * len(self.values) - at))


if __name__ == "__main__":
    unittest.main()
