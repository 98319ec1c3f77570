#!/usr/bin/env python3
"""layers_test.py ROOT: who may include what. src/layers.txt names the rooms a room may see; the rest of the rules stand here."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
problems = []


def sources(folder):
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in {".h", ".cpp", ".inc", ".cc", ".c"})


def includes(path):
    for bracket, name in INCLUDE.findall(path.read_text()):
        yield bracket == "<", name


layers = {}
for line in (root / "src/layers.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        room, _, below = line.partition(":")
        for lower in below.split():
            if lower not in layers:
                problems.append(f"src/layers.txt: {room} names {lower}, which stands below it: the table goes one way")
        layers[room] = set(below.split())

for room in sorted(p.name for p in (root / "src").iterdir() if p.is_dir() and any(p.rglob("*.cpp"))):
    if room not in layers:
        problems.append(f"src/layers.txt has no row for src/{room}")
        continue
    for path in sources(f"src/{room}"):
        here = path.relative_to(root)
        for angled, name in includes(path):
            first = name.split("/")[0]
            if not angled and "/" in name and first in layers and first != room and first not in layers[room]:
                problems.append(f"{here}: includes {name}, but {room} may not see {first}")
            if not angled and "/" in name and first not in layers:
                problems.append(f"{here}: includes \"{name}\", which is no room")
            if name.startswith("dnnl") and not str(here).startswith("src/plan/onednn/"):
                problems.append(f"{here}: only src/plan/onednn/ may include {name}")

# Public headers stand on public headers and the standard library alone.
for path in sources("include"):
    for angled, name in includes(path):
        if not angled or ("/" in name and not name.startswith("flambeau/")) or name.endswith(".hpp"):
            problems.append(f"{path.relative_to(root)}: a public header may not include {name}")

# Front ends see the product only.
for folder in ("cli", "python", "capi", "examples", "bench"):
    for path in sources(folder) if (root / folder).is_dir() else []:
        for angled, name in includes(path):
            if not angled and not (path.parent / name).exists():
                problems.append(f"{path.relative_to(root)}: includes \"{name}\", which does not lie beside it")
            if name.startswith("dnnl") and folder != "bench":
                problems.append(f"{path.relative_to(root)}: only src/plan/onednn/ may include {name}")

print("\n".join(problems) or f"{len(layers)} rooms, one way")
sys.exit(bool(problems))
