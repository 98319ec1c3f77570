#!/usr/bin/env python3
"""Prints the rows of python2_names.inc: the names that Python 2 and 3 spell differently, from the running Python's own tables."""
import _compat_pickle as compat

read, write = {}, {}
for old, new in compat.IMPORT_MAPPING.items():
    read[(old, ""), (new, "")] = True
for old, new in compat.NAME_MAPPING.items():
    read[old, new] = True
for new, old in compat.REVERSE_IMPORT_MAPPING.items():
    write[(old, ""), (new, "")] = True
for new, old in compat.REVERSE_NAME_MAPPING.items():
    write[old, new] = True

for (old, new) in sorted(read.keys() | write.keys()):
    use = "both" if (old, new) in read and (old, new) in write else "read" if (old, new) in read else "write"
    print(f'{{"{old[0]}", "{old[1]}", "{new[0]}", "{new[1]}", Use::{use}}},')
