#!/usr/bin/env python3
"""readme_blocks.py README OUT: writes each C++ block of the README as a program and prints the files, joined by semicolons."""
import pathlib
import re
import sys

readme, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
written = []
for i, block in enumerate(re.findall(r"^```cpp\n(.*?)^```", readme.read_text() if readme.exists() else "", re.M | re.S)):
    includes = "".join(line + "\n" for line in block.splitlines() if line.startswith("#include"))
    body = "".join(line + "\n" for line in block.splitlines() if not line.startswith("#include"))
    text = block if "int main" in block else f"{includes}\nint main() {{\n{body}}}\n"
    path = out / f"readme_{i}.cpp"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    written.append(str(path))
print(";".join(written))
