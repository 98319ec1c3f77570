#!/usr/bin/env python3
"""Each attack on scanners and loaders that is published by name, as a file, and what `flambeau scan` says of it.

docs/attacks.md lists them; `attacks_test.py --table` prints that file. No scan takes over 5 seconds or 120 MiB.
"""
import io
import os
import pathlib
import pickle
import struct
import sys
import tempfile
import time
import unittest
import zipfile

if "--table" in sys.argv:
    os.environ.setdefault("FLAMBEAU", "flambeau")
from harness import FLAMBEAU, Tensor, run, write_pth  # noqa: E402


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def glob(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def stack_global(module, name):
    return text(module) + text(name) + b"\x93"


def call(module, name, argument=b"X\x02\0\0\0id"):
    return glob(module, name) + argument + b"\x85R"


SYSTEM = call("os", "system")
INNER = stack_global("os", "system") + text("id") + b"\x85R."
P2, P4 = b"\x80\x02", b"\x80\x04"


def zipped(pickles, method=zipfile.ZIP_STORED, **more):
    """A torch zip of records: {"data.pkl": bytes}; `version` and `byteorder` come by themselves."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in {**({"data.pkl": pickles} if isinstance(pickles, bytes) else pickles), **more}.items():
            archive.writestr("archive/" + name, data)
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


def with_flags(bits):
    data = bytearray(zipped(P2 + SYSTEM + b"."))
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        found = data.index(signature)
        data[found + at] |= bits
    return bytes(data)


def wrong_crc():
    data = bytearray(zipped(P2 + SYSTEM + b"."))
    data[data.index(b"PK\3\4") + 14] ^= 1
    data[data.index(b"PK\1\2") + 16] ^= 1
    return bytes(data)


def other_local_name():
    return zipped(P2 + SYSTEM + b".").replace(b"archive/data.pkl", b"archive/dbta.pkl", 1)


def twice(second):
    """data.pkl two times, the payload in one of them."""
    first, last = (P2 + b"}.", P2 + SYSTEM + b".")[:: -1 if second else 1]
    data = zipped({"data.pkl": first, "dat_.pkl": last})
    return data.replace(b"dat_.pkl", b"data.pkl")


def hidden_record():
    """A local record that the directory does not list."""
    harmless = zipped(P2 + b"}.")
    hidden = zipped(P2 + SYSTEM + b".")
    hidden = hidden[: hidden.index(b"PK\3\4", 4)]
    out = bytearray(hidden + harmless)
    end = out.rindex(b"PK\5\6")
    struct.pack_into("<I", out, end + 16, struct.unpack_from("<I", out, end + 16)[0] + len(hidden))
    at = out.index(b"PK\1\2")
    while at != -1 and at < end:
        struct.pack_into("<I", out, at + 42, struct.unpack_from("<I", out, at + 42)[0] + len(hidden))
        at = out.find(b"PK\1\2", at + 4)
    return bytes(out)


def legacy(magic):
    tail = b"".join(pickle.dumps(part, 2) for part in (1001, {"protocol_version": 1001, "little_endian": True,
                    "type_sizes": {"short": 2, "int": 4, "long": 4}}, {}, []))
    return magic + tail


def integer(value):
    data = value.to_bytes(11, "little").rstrip(b"\0")
    return P2 + b"\x8a" + bytes([len(data)]) + data + b"."


MAGIC = 0x1950A86A20F9469CFC6C


def nested(inner, depth=1):
    for _ in range(depth):
        inner = P2 + glob("torch.storage", "_load_from_bytes") + b"B" + struct.pack("<I", len(inner)) + inner + b"\x85R."
    return inner


def deflated(size):
    """A list of None that inflates to `size` bytes, made without having them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("archive/data.pkl", "w") as record:
            record.write(P2 + b"(")
            for _ in range(size // 1_000_000):
                record.write(b"N" * 1_000_000)
            record.write(b"t.")
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


NAMES = """
CVE-2025-1716 pip main
CVE-2025-46417 ssl get_server_certificate
CVE-2026-3490 pkgutil resolve_name
picklescan-66 importlib import_module
picklescan-PR-74 marshal loads
CVE-2025-71351 timeit timeit
picklescan bdb Bdb.run
picklescan pdb run
CVE-2025-71363 cProfile run
GHSA-9w88-8rmg-7g2p cProfile runctx
GHSA-7wx9-6375-f5wh profile run
picklescan profile Profile.runctx
CVE-2025-71352 trace Trace.run
picklescan code InteractiveInterpreter
CVE-2025-71368 doctest debug_script
CVE-2025-71344 ensurepip _run_pip
CVE-2025-71340 idlelib.pyshell ModifiedInterpreter.runcode
CVE-2025-71342 idlelib.calltip get_entity
CVE-2025-71354 idlelib.autocomplete AutoComplete.get_entity
CVE-2025-71357 idlelib.run Executive.runcode
CVE-2025-71358 idlelib.debugobj ObjectTreeItem.SetText
CVE-2025-71361 idlelib.calltip Calltip.fetch_tip
CVE-2025-71343 lib2to3.pgen2.grammar Grammar.loads
CVE-2025-71359 lib2to3.pgen2.pgen ParserGenerator.make_label
CVE-2025-71364 asyncio.unix_events _UnixSubprocessTransport._start
CVE-2025-71339 numpy.f2py.crackfortran getlincoef
CVE-2025-71347 numpy.f2py.crackfortran param_eval
CVE-2025-71365 numpy.f2py.crackfortran _eval_length
CVE-2025-71372 numpy.f2py.crackfortran myeval
CVE-2025-71355 numpy.testing._private.utils runstring
CVE-2025-71350 torch.utils.collect_env run
CVE-2025-71345 torch.utils.bottleneck.__main__ run_cprofile
CVE-2025-71353 torch._dynamo.guards GuardBuilder.get
CVE-2025-71356 torch.fx.experimental.symbolic_shapes ShapeEnv.evaluate_guards_expression
CVE-2025-71370 torch.jit.unsupported_tensor_ops execWrapper
CVE-2025-71348 torch.utils._config_module ConfigModule.load_config
picklescan torch.utils.data.datapipes.utils.decoder basichandlers
picklescan ctypes CDLL
CVE-2025-67748 pty spawn
CVE-2026-22608 pydoc pipepager
picklescan operator methodcaller
picklescan _operator attrgetter
picklescan distutils.file_util write_file
GHSA-9726-w42j-3qjr _io FileIO
GHSA-9726-w42j-3qjr urllib.request urlopen
GHSA-9m3x-qqw2-h32h types CodeType
GHSA-9m3x-qqw2-h32h cloudpickle.cloudpickle _make_function
CVE-2026-56304 logging FileHandler
GHSA-g38g-8gr9-h9xp uuid _get_command_stdout
GHSA-g38g-8gr9-h9xp _osx_support _read_output
GHSA-g38g-8gr9-h9xp _aix_support _read_cmd_output
GHSA-g38g-8gr9-h9xp imaplib IMAP4_stream
GHSA-g38g-8gr9-h9xp _pyrepl.pager pipe_pager
CVE-2026-56315 test.support.script_helper assert_python_ok
CVE-2025-67747 types FunctionType
CVE-2026-22606 runpy run_path
CVE-2026-22612 builtins eval
CVE-2026-22612 builtins exec
CVE-2026-22612 builtins __import__
GHSA-q5qq-mvfm-j35x multiprocessing.util spawnv_passfds
fickling-2026 platform popen
fickling-2026 linecache getline
fickling-2026 difflib SequenceMatcher
fickling-2026 gc get_objects
fickling-2026 _posixsubprocess fork_exec
fickling-2026 site execsitecustomize
fickling-2026 atexit register
GHSA-5j3x-jp52-966f pathlib os.system
GHSA-6ggj-6f2q-f7mx _interpreters run_string
GHSA-6ggj-6f2q-f7mx _xxsubinterpreters run_string
CVE-2022-45907 torch.jit.annotations parse_type_line
CVE-2024-5480 torch.distributed.rpc.internal PythonUDF
CVE-2024-48063 torch.distributed.nn.api.remote_module RemoteModule
CVE-2025-10157 asyncio.base_subprocess BaseSubprocessTransport
"""


def names():
    for line in NAMES.split("\n"):
        if line:
            source, module, name = line.split()
            yield source, f"names {module}.{name}", zipped(P2 + call(module, name) + b"."), "dangerous suspicious"


def files():
    """(source, what it is, bytes, verdicts that are right)."""
    yield from names()
    code = "dangerous"
    yield "picklescan-22", "memo slots filled out of order", zipped(
        P2 + text("system") + b"q\x05" + text("os") + b"q\x01" + b"00" + b"h\x01h\x05\x93" + text("id") + b"\x85R."), code
    yield "CVE-2025-1889", "a pickle under another extension", zipped({"data.pkl": P2 + b"}.", "config.p": P2 + SYSTEM + b"."}), code
    yield "CVE-2025-1944", "another name in the local header", other_local_name(), code
    for bits in (0x01, 0x20, 0x40):
        yield "CVE-2025-1945", f"flag bits {bits:#x}", with_flags(bits), code
    yield "nullifAI", "a 7z container", b"7z\xbc\xaf\x27\x1c" + b"\0" * 100, "unreadable"
    yield "nullifAI", "a pickle that breaks after the payload", zipped(P2 + SYSTEM + b"\xff\xff"), code
    yield "GHSA-9gvj-pp9x-gcfr", "STACK_GLOBAL at the start of the stream", zipped(b"Vos\nVsystem\n\x93" + text("id") + b"\x85R."), code
    yield "GHSA-9gvj-pp9x-gcfr", "STACK_GLOBAL from STRING opcodes", zipped(P4 + b"S'os'\nS'system'\n\x93" + text("id") + b"\x85R."), code
    yield "CVE-2025-10155", "a bare pickle, whatever its extension", P2 + SYSTEM + b".", code
    yield "CVE-2025-10156", "a wrong checksum", wrong_crc(), code
    yield "GHSA-97f8-7cmv-76j2", "the legacy magic number by eval", legacy(
        P2 + call("builtins", "eval", text(str(MAGIC))) + b"."), code
    yield "unlisted", "data.pkl twice, the payload first", twice(True), code
    yield "unlisted", "data.pkl twice, the payload last", twice(False), code
    yield "unlisted", "DATA.PKL beside data.pkl", zipped({"data.pkl": P2 + b"}.", "DATA.PKL": P2 + SYSTEM + b"."}), code
    yield "unlisted", "a local record that the directory does not list", hidden_record(), code
    yield "GHSA-mxhj-88fx-4pcv", "called by OBJ, then popped", zipped(P2 + b"(" + glob("os", "system") + text("id") + b"o0}."), code
    yield "fickling", "called by INST", zipped(b"(" + text("id") + b"ios\nsystem\n."), code
    yield "CVE-2026-14535", "one global twice, harmless names between", zipped(
        P2 + glob("collections", "OrderedDict") + b")R0" + SYSTEM + b"0" + SYSTEM + b"."), code
    yield "cpython-154848", "an argument across the end of a frame", zipped(
        P4 + b"\x95" + struct.pack("<Q", 6) + text("os") + text("system") + b"\x93" + text("id") + b"\x85R."), "dangerous suspicious unreadable"
    yield "cpython-154848", "a frame inside a frame", zipped(
        P4 + b"\x95" + struct.pack("<Q", 9 + len(INNER)) + b"\x95" + struct.pack("<Q", len(INNER)) + INNER), code
    yield "CVE-2026-22612", "getattr of a class's own parts", zipped(
        P2 + glob("builtins", "getattr") + glob("builtins", "object") + text("__subclasses__") + b"\x86R)R."), "dangerous suspicious"
    yield "section 5", "a second pickle after STOP", zipped(P2 + b"}." + P2 + SYSTEM + b"."), code
    yield "section 5", "a pickle inside _load_from_bytes", zipped(nested(P2 + SYSTEM + b".")), code
    yield "section 5", "a pickle inside four _load_from_bytes", zipped(nested(P2 + SYSTEM + b".", 4)), code
    yield "section 5", "bytes behind a legacy stream", legacy(integer(MAGIC)) + P2 + SYSTEM + b".", code
    yield "section 5", "a payload in a storage record", zipped({"data.pkl": P2 + b"}.", "data/0": P2 + SYSTEM + b"."}), "dangerous suspicious"
    yield "CVE-2025-32434", "a TorchScript archive with code", zipped(
        {"data.pkl": P2 + b"}.", "constants.pkl": P2 + b").", "code/__torch__.py": b"def forward(self): pass\n"}), "suspicious dangerous"
    yield "issue 189308", "DCP metadata is a pickle", {".metadata": P2 + SYSTEM + b"."}, code
    yield "BUILD", "state set on a function", zipped(P2 + glob("os", "system") + b"}" + text("__name__") + text("x") + b"sb."), code
    yield "unlisted", "two thousand unknown names, then os.system", zipped(
        P2 + b"".join(glob("my", f"f{i}") + b"0" for i in range(2000)) + SYSTEM + b"."), code
    yield "extension", "a copyreg extension code", zipped(P2 + b"\x82\x05."), "dangerous suspicious unreadable"
    # Resources: no code, so the verdict is that it cannot be read, or clean where Python reads it as well.
    bad = "unreadable suspicious"
    for name, opcode in (("BINUNICODE8", b"\x8d"), ("BINBYTES8", b"\x8e"), ("BYTEARRAY8", b"\x96"), ("FRAME", b"\x95")):
        for size in (2**31, 2**63, 2**64 - 1):
            yield "gh-115952", f"{name} of {size} bytes", zipped(b"\x80\x05" + opcode + struct.pack("<Q", size) + b"x."), bad
    yield "gh-115952", "LONG4 of 2147483647 bytes", zipped(P2 + b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x."), bad
    yield "1.7", "LONG_BINPUT 0xffffffff", zipped(P2 + b"}r\xff\xff\xff\xff."), bad + " clean"
    yield "1.7", "an integer of 100,000 digits", zipped(b"I" + b"9" * 100_000 + b"\n."), bad
    yield "1.7", "a million nested lists", zipped(P2 + b"]" * 1_000_000 + b"a" * 999_999 + b"."), bad + " clean"
    yield "1.7", "64 doublings through the memo", zipped(
        P2 + b"]" + b"".join(b"q" + bytes([i]) + b"0]h" + bytes([i]) + b"ah" + bytes([i]) + b"a" for i in range(64)) + b"."), bad + " clean"
    yield "1.7", "a list inside itself", zipped(P2 + b"]q\0h\0a."), "clean suspicious"
    yield "1.7", "three million GETs", zipped(P2 + b"(" + text("x") + b"q\0" + b"h\0" * 3_000_000 + b"t."), bad + " clean"
    yield "unlisted", "one name two million times", zipped(P2 + b"ca\nb\n0" * 2_000_000 + b"N."), bad
    yield "unlisted", "300,000 names", zipped(P2 + b"".join(b"ca\n%d\n0" % i for i in range(300_000)) + b"N."), bad
    yield "unlisted", "a thousand getattrs of a name of 1 MB", zipped(
        P2 + text("x" * 1_000_000) + b"q\0" + glob("my", "Net") + b"q\1" + glob("builtins", "getattr") + b"q\2" +
        b"h\2h\1h\0\x86R0" * 1000 + b"."), "dangerous"
    yield "unlisted", "eight million MEMOIZEs", zipped(P4 + b"N" + b"\x94" * 8_000_000 + b"."), bad
    yield "1.7", "data.pkl of 100 MB that deflates to 98 kB", deflated(100_000_000), bad
    yield "1.6", "an end record in the comment", zipped(P2 + b"}.")[:-2] + struct.pack("<H", 22) + b"PK\5\6" + b"\0" * 18, bad
    yield "1.6", "bytes before the first record", b"#!/bin/sh\n" + zipped(P2 + b"}."), bad
    yield "1.6", "bytes after the end", zipped(P2 + b"}.") + b"more", bad
    for evil in ("../data.pkl", "/abs.pkl", "a\\b.pkl", "c:x.pkl", "a\nb.pkl"):
        yield "1.6", f"a record called {evil!r}", zipped({"data.pkl": P2 + b"}.", evil: b"x"}), bad


class Attacks(unittest.TestCase):
    def scan(self, content):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.pth"
            if isinstance(content, dict):
                path.mkdir()
                for name, data in content.items():
                    (path / name).write_bytes(data)
            else:
                path.write_bytes(content)
            start = time.monotonic()
            process = os.posix_spawn(FLAMBEAU, [FLAMBEAU, "scan", str(path)], os.environ, file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, folder + "/out", os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, folder + "/err", os.O_WRONLY | os.O_CREAT, 0o600)])
            _, status, usage = os.wait4(process, 0)
            spoken = pathlib.Path(folder, "out").read_text()
            return spoken.splitlines()[0].rpartition(": ")[2] if spoken else "", os.waitstatus_to_exitcode(status), \
                time.monotonic() - start, usage.ru_maxrss / 1024, spoken

    def test_every_named_attack(self):
        statuses = {"clean": 0, "suspicious": 1, "dangerous": 1, "unreadable": 2}
        count = 0
        for source, what, content, right in files():
            with self.subTest(f"{source}: {what}"):
                verdict, status, seconds, mebibytes, spoken = self.scan(content)
                self.assertIn(verdict, right.split(), spoken[:300])
                self.assertEqual(status, statuses[verdict])
                self.assertLess(seconds, 5)
                self.assertLess(mebibytes, 120)
                if verdict != "clean":
                    self.assertGreater(len(spoken.splitlines()), 1, "the reason is named")
            count += 1
        self.assertGreater(count, 100)

    def test_the_table_is_up_to_date(self):
        page = pathlib.Path(__file__).resolve().parents[2] / "docs/attacks.md"
        self.assertEqual(page.read_text(), table())


class Harmless(unittest.TestCase):
    """What scanners raise false alarms for."""

    def test_no_false_alarms(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.pth"
            for content in (P2 + b"}.", P2 + call("_codecs", "encode", text("\xff") + text("latin1"))[:-2] + b"\x86R.",
                            P2 + glob("torch", "float32") + b".", P2 + glob("collections", "OrderedDict") + b")R."):
                path.write_bytes(zipped(content))
                self.assertEqual(run("scan", path)[0], 0, run("scan", path)[1])
            write_pth(path, {"weight": Tensor([1])})
            self.assertEqual(run("scan", path)[0], 0)


def table():
    lines = ["# Attacks on readers and scanners, and what `flambeau scan` says", "",
             "One row per file of `tests/cli/attacks_test.py`, which makes them, checks the verdict, the exit status, that a reason is",
             "given, and that no scan takes over 5 seconds or 120 MiB. `attacks_test.py --table` prints this page. A name that reaches",
             "code is dangerous; a name that is not known is suspicious, which is never clean.", "",
             "| published as | the file | verdict |", "|---|---|---|"]
    for source, what, _, right in files():
        lines.append(f"| {source} | {what} | {' or '.join(right.split())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--table" in sys.argv:
        print(table(), end="")
    else:
        unittest.main()
