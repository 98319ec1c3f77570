#!/usr/bin/env python3
"""interop.py DRIVER pickles|torch|old-torch [--trees N] [--seed S] [--jobs J]

Compares Flambeau with CPython's pickle, with PyTorch 2.13 (the Python that FLAMBEAU_TORCH_PYTHON names) or with PyTorch 1.13
(FLAMBEAU_OLD_TORCH_PYTHON, else Debian's python3), over N random trees from seed S on. Each seed makes the same tree every time.

pickles:    pickle.dumps(tree, protocol 0…5) → Flambeau → equal to pickle.dumps(pickle.loads(…), 2) byte for byte, and
            Flambeau's disassembly equal to pickletools.dis.
torch:      torch.save → Flambeau → torch.load (weights_only=True for the half of the trees that are made for it) equals what
            torch.load gives for torch's own file, and the file is byte for byte what torch.save writes for that. Every fourth
            tree also goes through the legacy container. Beside each, a tree that Flambeau builds: Flambeau → torch.load →
            torch.save → Flambeau finds it unchanged.
old-torch:  the same with 1.13, but for the bytes.

Prints each difference with its seed; exit code 1 if there was any, 77 (and a loud line) without the Python needed.
"""
import argparse
import multiprocessing
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def other_python(suite):
    """The Python with the PyTorch of this suite; None for the one that runs already."""
    if suite == "pickles":
        return None
    variable, version = ("FLAMBEAU_TORCH_PYTHON", "2.13") if suite == "torch" else ("FLAMBEAU_OLD_TORCH_PYTHON", "1.13")
    python = os.environ.get(variable) or ("/usr/bin/python3" if suite == "old-torch" else "")
    probe = f"import numpy, torch, sys; sys.exit(not torch.__version__.startswith('{version}'))"
    if not python or subprocess.run([python, "-c", probe], stderr=subprocess.DEVNULL).returncode:
        print(f"##\n## SKIPPED: {variable}={python or '(unset)'} has no PyTorch {version}: nothing was compared with it.\n##", flush=True)
        sys.exit(77)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("driver")
    parser.add_argument("suite", choices=("pickles", "torch", "old-torch"))
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--many", action="store_true", help="FLAMBEAU_INTEROP_TREES decides how many, on all processors")
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    args = parser.parse_args()
    if args.many and os.environ.get("FLAMBEAU_INTEROP_TREES"):
        args.trees, args.jobs = int(os.environ["FLAMBEAU_INTEROP_TREES"]), multiprocessing.cpu_count()
    python = other_python(args.suite) or sys.executable
    step = (args.trees + args.jobs - 1) // args.jobs
    workers = []
    for job in range(args.jobs):
        first, last = args.seed + job * step, min(args.seed + (job + 1) * step, args.seed + args.trees)
        command = [python, str(HERE / "worker.py"), args.driver, args.suite, str(first), str(last), str(args.show)]
        workers.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}))
    codes = [worker.wait() for worker in workers]
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    main()
