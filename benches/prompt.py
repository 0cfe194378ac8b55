"""How long from start to the first prompt: python3 benches/prompt.py HELOISE HOST:PORT [RUNS]

Runs the binary in a pseudo-terminal and takes the time until the prompt's arrow is there: connecting, the greeting
and drawing included. Prints one row of the Markdown table in docs/performance.md.
"""

import os
import pty
import statistics
import subprocess
import sys
import time

PROMPT = "\u25b8".encode()


def once(command):
    ours, theirs = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b""
    while PROMPT not in seen:
        seen += os.read(ours, 4096)
    elapsed = time.perf_counter() - start
    process.kill()
    process.wait()
    os.close(ours)
    return elapsed * 1000


def main():
    binary, target = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    times = [once([binary, target]) for _ in range(runs)]
    mean, spread = statistics.mean(times), statistics.stdev(times)
    print(f"| `heloise HOST` to its prompt | {mean:.1f} \u00b1 {spread:.1f} | {min(times):.1f} | {max(times):.1f} |")


main()
