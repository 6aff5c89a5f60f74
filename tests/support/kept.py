#!/usr/bin/env python3
"""What the daemon's store keeps sealed to its own key, opened: kept.py DB KEYFILE [KIND], one JSON object per line.

KIND 1 (default): API keys; 2: console passwords.  For a pipe into a test's signer or grep, never for a terminal."""
import json
import sqlite3
import subprocess
import sys


def main():
    db, key = sys.argv[1:3]
    kind = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    store = sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=10)
    rows = store.execute("SELECT sealed FROM secrets WHERE kind = ? ORDER BY account_id, id", (kind,)).fetchall()
    for (sealed,) in rows:
        opened = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-inkey", key],
                                input=sealed, capture_output=True, check=True)
        print(json.dumps(json.loads(opened.stdout)))


if sys.stdout.isatty():
    sys.exit("kept.py: the output is secret, it goes to a pipe only")
main()
