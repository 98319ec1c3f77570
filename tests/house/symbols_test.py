#!/usr/bin/env python3
"""symbols_test.py LIBRARY…: the library never prints, aborts, exits or starts anything. Reads the undefined symbols."""
import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r"^(_?exit|_Exit|quick_exit|abort|__assert_fail"
    r"|v?printf|__v?printf_chk|puts|putchar|perror|psignal"
    r"|stdout|stderr|_ZSt4cout|_ZSt4cerr|_ZSt4clog"
    r"|system|popen|fork|vfork|exec[lv]p?e?|posix_spawnp?|dlopen|signal|sigaction)$")
ALLOWED = {("http.cpp.o", "dlopen")}  # src/hub loads libcurl when it downloads, so that nothing else starts with it
problems = []
for library in sys.argv[1:]:
    member = ""
    for line in subprocess.run(["nm", "-u", library], check=True, capture_output=True, text=True).stdout.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        symbol = line.split()[-1] if line.strip() else ""
        symbol = symbol.split("@")[0]
        if FORBIDDEN.match(symbol) and (member, symbol) not in ALLOWED:
            problems.append(f"{library}: {member} uses {symbol}")
print("\n".join(problems) or f"{len(sys.argv) - 1} libraries, silent")
sys.exit(bool(problems))
