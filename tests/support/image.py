#!/usr/bin/env python3
"""Looks for secrets where a core file would hold them:  image.py FILE PID...
FILE has one text a line.  Prints the processes in whose writable memory one of them stands, but for what the kernel leaves out of a
core file (MADV_DONTDUMP, "dd" in proc(5), smaps).  Needs root."""
import re
import sys

CHUNK, MOST = 1 << 20, 1 << 30


def mappings(pid):
    """(begin, end) of what is writable and would be dumped."""
    area = writable = None
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
            if head:
                area, writable = (int(head[1], 16), int(head[2], 16)), "w" in head[3]
            elif line.startswith("VmFlags:") and writable and "dd" not in line.split():
                if area[1] - area[0] <= MOST:
                    yield area


def holds(pid, wanted):
    longest = max(map(len, wanted))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for begin, end in mappings(pid):
            before = b""
            for at in range(begin, end, CHUNK):
                try:
                    mem.seek(at)
                    here = mem.read(min(CHUNK, end - at))
                except OSError:
                    before = b""
                    continue
                if any(text in before + here for text in wanted):
                    return True
                before = here[-longest:]
    return False


with open(sys.argv[1], "rb") as f:
    texts = [line for line in f.read().split(b"\n") if line]
print(" ".join(pid for pid in sys.argv[2:] if holds(pid, texts)))
