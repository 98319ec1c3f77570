#!/usr/bin/env python3
"""tidiness_test.py ROOT: sizes, names, and what must not be in the repository."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
if listed.returncode == 0:
    files = [root / name for name in listed.stdout.splitlines()]
else:  # a release without git
    files = [p for p in root.rglob("*") if not {".git", "build"} & set(p.relative_to(root).parts)]
files = [p for p in files if p.is_file()]
problems = []

# Host names of package registries: they differ from place to place and belong to each machine's own configuration.
REGISTRIES = re.compile("|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)", "cra" + r"tes\.io",
                                  "deb" + r"ian\.org", "maven" + r"\.org", "proxy\\.gol" + r"ang\.org"]))
SOURCE = {".h", ".cpp", ".py", ".sh", ".cmake", ".txt", ".md", ".json", ".in", ".toml", ".yml", ""}
for path in files:
    here = path.relative_to(root)
    if path.stat().st_size > 1 << 20:
        problems.append(f"{here}: {path.stat().st_size} bytes; files over 1 MiB do not belong here")
    if path.suffix not in SOURCE:
        continue
    text = path.read_bytes()
    if b"\0" in text:
        continue
    text = text.decode()
    if match := REGISTRIES.search(text):
        problems.append(f"{here}: names a registry host ({match.group()})")
    if path.suffix in {".h", ".cpp"}:
        if "\t" in text or "\r" in text:
            problems.append(f"{here}: tabs or carriage returns")
        if path.suffix == ".h" and "#pragma once" not in text:
            problems.append(f"{here}: no #pragma once")
    lines = text.count("\n")
    if here.parts[:2] == ("include", "flambeau") and lines > 300:
        problems.append(f"{here}: {lines} lines; a public header has 300 at most")

# Every test file is built: rooms glob their own folder, so a test must lie in the folder of a room (or of the suites below).
rooms = {line.split(":")[0] for line in (root / "src/layers.txt").read_text().splitlines() if line and line[0] != "#"}
for path in (root / "tests").rglob("*_test.cpp"):
    if path.parent.name not in rooms:
        problems.append(f"{path.relative_to(root)}: lies in no room's folder, so nothing builds it")

# Every verb has its test.
table = (root / "cli/verbs.cpp").read_text()
tests = "".join(p.read_text() for p in (root / "tests/cli").glob("*.py"))
for verb in re.findall(r'\{\.name = "([a-z-]+)", \.help = "[^"]*",\s*\.operands', table):
    if f'"{verb}"' not in tests:
        problems.append(f"cli/verbs.cpp: no test in tests/cli calls '{verb}'")

print("\n".join(problems) or f"{len(files)} files, tidy")
sys.exit(bool(problems))
