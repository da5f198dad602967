#!/usr/bin/env python3
"""Follows a server under load and through troubles, and compares the copy at the end.

    scripts/soak.py SYNCREPL [MINUTES [CHANGES_A_SECOND]]      default: 10 minutes, 200 changes

SYNCREPL is the command to try. It needs slapd and ldap-utils, and root for a small tmpfs. Meanwhile the server is
restarted five times, the password is changed on the server and later in the file, the disk of the copy is full
for a tenth of the time, and the output is rotated twenty times. Ends with 0 if the process was never started
again, the copy is what ldapsearch shows, and a reader of the output holds the copy, too.
"""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SUFFIX = "dc=example,dc=com"
PORT = 13897
URL = f"ldap://127.0.0.1:{PORT}"
ADMIN = ["-x", "-H", URL, "-D", f"cn=admin,{SUFFIX}", "-w", "secret"]
READER = f"uid=ann,ou=people,{SUFFIX}"


def server(folder, *words):
    subprocess.run([f"{HERE}/try-slapd.sh", *words, folder, *([] if words else [str(PORT)])],
                   check=True, stdout=subprocess.DEVNULL)


def set_password(password):
    ldif = f"dn: {READER}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n"
    subprocess.run(["ldapmodify", *ADMIN], input=ldif.encode(), check=True, stdout=subprocess.DEVNULL)


class Load(threading.Thread):
    """Changes the directory, so many times a second, over restarts of the server."""

    def __init__(self, rate):
        super().__init__(daemon=True)
        self.rate, self.stopped, self.sent = rate, False, 0
        self.pipe = None
        self.random = random.Random(1)

    def change(self):
        number = self.random.randrange(2000)
        dn = f"uid=s{number},ou=people,{SUFFIX}"
        kind = self.random.randrange(10)
        if kind < 3:
            return (f"dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: s{number}\ncn: Person {number}\n"
                    f"sn: Soak\n\n")
        if kind < 4 and self.random.randrange(3) == 0:
            return f"dn: {dn}\nchangetype: delete\n\n"
        if kind < 5:
            to = ["people", "groups"][self.random.randrange(2)]
            return (f"dn: {dn}\nchangetype: modrdn\nnewrdn: uid=s{self.random.randrange(2000)}\ndeleteoldrdn: 1\n"
                    f"newsuperior: ou={to},{SUFFIX}\n\n")
        return f"dn: {dn}\nchangetype: modify\nreplace: description\ndescription: {self.sent}\n\n"

    def run(self):
        while not self.stopped:
            began = time.monotonic()
            if self.pipe is None or self.pipe.poll() is not None:
                self.pipe = subprocess.Popen(["ldapmodify", "-c", *ADMIN], stdin=subprocess.PIPE,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                for _ in range(self.rate // 10):
                    self.pipe.stdin.write(self.change().encode())
                    self.sent += 1
                self.pipe.stdin.flush()
            except OSError:
                pass
            time.sleep(max(0, 0.1 - (time.monotonic() - began)))
        self.pipe.stdin.close()
        self.pipe.wait()

    def connection_is_lost(self):
        """ldapmodify -c goes on without a connection, and makes none."""
        self.pipe.kill()


def private(path, flags):
    return os.open(path, flags, 0o600)


def memory(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def read(paths):
    """Reads the output by the rule of docs/callbacks.md. Nothing may be missed, so there is no dump to begin from."""
    held, open_lines, last, changes = {}, [], None, 0
    for path in paths:
        for line in open(path, "rb"):
            event = json.loads(line)
            if event["op"] == "start":
                if last is not None and (event["commit"], event["tag"]) != last:
                    # One commit without its line: its changes are those since the last one.
                    assert event["commit"] == last[0] + 1 and event["lines"] == len(open_lines), (last, event)
                    apply(held, open_lines)
                open_lines, last = [], (event["commit"], event["tag"])
            elif event["op"] == "commit":
                assert event["lines"] == len(open_lines), event
                apply(held, open_lines)
                open_lines, last = [], (event["commit"], event["tag"])
            elif event["op"] in ("add", "change", "rename", "delete"):
                open_lines.append(event)
                changes += 1
    return held, changes


def apply(held, events):
    for event in events:
        uuid = event["uuid"]
        if event["op"] == "delete":
            del held[uuid]
        elif event["op"] == "rename":
            held[uuid] = (event["dn"], held[uuid][1])
        else:
            held[uuid] = (event["dn"], event["attrs"])


def meaning(entry):
    dn, attributes = entry
    return dn.lower(), sorted((name.lower(), sorted(map(json.dumps, values))) for name, values in attributes.items())


def searched():
    shown = subprocess.run(["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", URL, "-b", SUFFIX, "*", "entryUUID"],
                           check=True, capture_output=True).stdout.decode()
    found = {}
    for block in shown.strip().split("\n\n"):
        dn, attributes = None, {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = base64.b64decode(value[1:].strip()).decode() if value.startswith(":") else value.lstrip()
            if name == "dn":
                dn = value
            else:
                attributes.setdefault(name, []).append(value)
        found[attributes.pop("entryUUID")[0]] = (dn, attributes)
    return found


def main():
    command, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10
    rate = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    folder = tempfile.mkdtemp(prefix="syncrepl-soak-")
    disk, output = f"{folder}/disk", f"{folder}/changes"
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], check=True)
    server(f"{folder}/slapd")
    set_password("first")
    secret = f"{folder}/password"
    with open(secret, "w", opener=private) as file:
        file.write("first")
    errors = open(f"{folder}/errors", "w")
    follow = subprocess.Popen(
        [command, "follow", "--data", f"{disk}/copy.db", "--format", "json", "--output", output, "-H", URL,
         "-D", READER, "-y", secret, "-b", SUFFIX, "-v"], stderr=errors)
    load = Load(rate)
    load.start()
    seconds = minutes * 60
    plan = [(at / 6, "restart") for at in range(1, 6)]
    plan += [(0.25, "password"), (0.30, "file"), (0.6, "fill"), (0.7, "empty")]
    plan += [(at / 21 + 0.01, "rotate") for at in range(20)]
    plan = sorted((share * seconds, what) for share, what in plan)
    begin, rotated, early = time.monotonic(), [], None
    for at, what in plan:
        time.sleep(max(0, begin + at - time.monotonic()))
        assert follow.poll() is None, f"follow ended: see {folder}/errors"
        # The first refresh and the first thousands of changes are over by then.
        if early is None and at > seconds / 10:
            early = memory(follow)
        if what == "restart":
            server(f"{folder}/slapd", "stop")
            time.sleep(1)
            server(f"{folder}/slapd")
            load.connection_is_lost()
        elif what == "password":
            set_password("second")
            server(f"{folder}/slapd", "stop")
            server(f"{folder}/slapd")
            load.connection_is_lost()
        elif what == "file":
            with open(f"{secret}.new", "w", opener=private) as file:
                file.write("second")
            os.rename(f"{secret}.new", secret)
        elif what == "fill":
            with open(f"{disk}/full", "wb") as file:
                try:
                    while True:
                        file.write(bytes(65536))
                except OSError:
                    pass
        elif what == "empty":
            os.unlink(f"{disk}/full")
        elif what == "rotate":
            rotated.append(f"{output}.{len(rotated)}")
            if os.path.exists(output):
                os.rename(output, rotated[-1])
            follow.send_signal(signal.SIGHUP)
        print(f"{at:5.0f} s  {what:9} {load.sent} changes sent, {memory(follow)} KiB", flush=True)
    time.sleep(max(0, begin + seconds - time.monotonic()))
    load.stopped = True
    load.join()
    # The same state of both, however long the last changes are under way.
    deadline = time.monotonic() + 120
    while True:
        dump = subprocess.run([command, "dump", "--data", f"{disk}/copy.db", "--format", "json"], check=True,
                              capture_output=True).stdout
        copy = {}
        for line in dump.splitlines():
            entry = json.loads(line)
            if "uuid" in entry:
                copy[entry["uuid"]] = (entry["dn"], entry["attrs"])
        wanted = {uuid: meaning(entry) for uuid, entry in searched().items()}
        copy = {uuid: meaning(entry) for uuid, entry in copy.items()}
        if copy == wanted or time.monotonic() > deadline:
            break
        time.sleep(1)
    late = memory(follow)
    follow.send_signal(signal.SIGTERM)
    code = follow.wait(60)
    read_back, changes = read([path for path in [*rotated, output] if os.path.exists(path)])
    read_back = {uuid: meaning(entry) for uuid, entry in read_back.items()}
    server(f"{folder}/slapd", "stop")
    subprocess.run(["umount", disk], check=True)
    print(f"{load.sent} changes sent, {changes} told; {len(wanted)} entries; memory {early} KiB, then {late} KiB; exit code {code}")
    verdicts = {"the copy is what ldapsearch shows": copy == wanted, "so is what a reader holds": read_back == wanted,
                "the process ran through": code == 0, "memory stayed": late - early <= 2048}
    for what, good in verdicts.items():
        print(f"{'ok ' if good else 'NOT'} {what}")
    print(f"messages: {folder}/errors")
    sys.exit(0 if all(verdicts.values()) else 1)


if __name__ == "__main__":
    main()
