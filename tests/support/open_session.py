#!/usr/bin/env python3
"""Asks the desk for somebody's key as the PAM module does:  open_session.py SOCKET NAME
Prints the status of the answer, never what is in it."""
import socket
import sys

STATUS = ["ok", "refused", "absent", "ambiguous", "failed", "busy", "malformed", "unsupported", "other version"]
SESSION_OPEN, NAME, DELIVER = 33, 1, 5


def field(kind, text):
    return bytes([kind]) + len(text).to_bytes(2, "big") + text.encode()


with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.settimeout(10)
    s.connect(sys.argv[1])
    s.send(bytes([1, SESSION_OPEN]) + field(NAME, sys.argv[2]) + field(DELIVER, "key"))
    print(STATUS[s.recv(61440)[1]])
