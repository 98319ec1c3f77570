"""What the benchmarks share: processes that time their own steps, and whole processes timed from outside."""
import math
import subprocess
import sys
import time


class Worker:
    """A process that answers each line with seconds, or with "nan" and why."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL)

    def __call__(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        seconds, *why = answer.split(maxsplit=1) or ["nan", "the process ended"]
        if why:
            print(f"  {line}: {why[0].strip()}", file=sys.stderr)
        return float(seconds)

    def end(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()


def process(command):
    """A function that runs the command and gives its seconds; nan where it fails."""
    def run():
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"  {command[0]}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return math.nan
        return time.perf_counter() - start
    return run
