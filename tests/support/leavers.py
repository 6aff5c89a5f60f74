#!/usr/bin/env python3
"""Leavers, one after the other, and how long their keys live:  ... | leavers.py URL SECONDS PAUSE LDAPMODIFY ARGUMENT...

Standard input holds JSON objects with the members "dn", "id" and "secret".  Each key is called first, and must work.  Then the
entry is disabled; from the directory's answer on the key is called, on several connections in turn, until it is refused.
Prints "ID BEGAN REFUSED", moments in milliseconds since 1970: the directory's answer, and the cloud's first refusal as it
arrived here; 0 when there was none within SECONDS.  Then PAUSE seconds pass.  A key that did not work before ends it with
status 1.  Secrets come by standard input only and are never printed."""
import json
import subprocess
import sys
import threading
import time
import types

import tc3

CONNECTIONS = 4         # a call takes as long as the cloud's latency: with one, that would be the resolution
STAGGER = 0.025
CHANGE = "dn: {}\nchangetype: modify\nreplace: employeeType\nemployeeType: left\n\n"


class Directory:
    """One ldapmodify that takes changes as they come."""

    def __init__(self, command):
        self.tool = subprocess.Popen(["stdbuf", "-o0", *command, "-v"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True)

    def disable(self, dn):
        self.tool.stdin.write(CHANGE.format(dn))
        self.tool.stdin.flush()
        for line in self.tool.stdout:
            if line.startswith("modify complete"):
                return time.time()
        sys.exit(f"leavers.py: {dn} could not be changed")


def lifetime(clouds, leaver, began, seconds):
    """The moment of the first refusal, or 0."""
    refusals = []

    def call_on(cloud, offset):
        time.sleep(offset)
        while not refusals and time.time() < began + seconds:
            if tc3.key_refused(tc3.code_of(cloud.call(leaver, "GetCallerIdentity"))):
                refusals.append(time.time())

    threads = [threading.Thread(target=call_on, args=(c, i * STAGGER)) for i, c in enumerate(clouds)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return min(refusals, default=0)


def main():
    url, seconds, pause, *command = sys.argv[1:]
    options = types.SimpleNamespace(url=url, ca=None, region="ap-shanghai")
    clouds = [tc3.Cloud(options) for _ in range(CONNECTIONS)]
    directory = Directory(command)
    for line in sys.stdin:
        leaver = json.loads(line)
        codes = [tc3.code_of(c.call(leaver, "GetCallerIdentity")) for c in clouds]
        if codes != ["ok"] * CONNECTIONS:
            sys.exit(f"leavers.py: {leaver['id']} does not work: {codes}")
        began = directory.disable(leaver["dn"])
        refused = lifetime(clouds, leaver, began, float(seconds))
        print(leaver["id"], int(began * 1000), int(refused * 1000), flush=True)
        time.sleep(float(pause))


main()
