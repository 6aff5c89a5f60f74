#!/usr/bin/env python3
"""Fills the queue of a desk's socket as any local user can:  fill_desk.py SOCKET [TRIES]
Without TRIES it goes on until it is ended.  With TRIES it connects so often, holding nothing, and prints how often the queue was
full."""
import collections
import socket
import sys

path, tries = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
held = collections.deque()
full = asked = 0
while tries is None or asked < tries:
    asked += 1
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.setblocking(False)
    try:
        s.connect(path)
    except BlockingIOError:
        full += 1
        s.close()
        continue
    if tries is None:
        held.append(s)
    else:
        s.close()
    if len(held) > 400:
        held.popleft().close()
print(full)
