#!/usr/bin/env python3
"""What a conversation and a message cost on disk, measured on a Maru that is started for it.

    deploy/sizing.py --maru target/release/maru                              # SQLite, in a temporary folder
    deploy/sizing.py --maru target/release/maru --store postgres://…/empty   # an empty database; needs psql

Opens conversations, then says in each of them as much as the other, with text of a given length, and tells
what each table has grown by. docs/scaling.md goes on from there.
"""

import argparse
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

# By PostgreSQL's own account; a table's partitions count as the table.
TABLES = """
SELECT coalesce(pg_partition_root(c.oid), c.oid)::regclass, sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid))
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace GROUP BY 1
"""


class Server:
    """A Maru, from when it answers to when it has ended."""

    def __init__(self, maru: str, folder: Path, store: str | None):
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [maru, "serve", "--listen", "127.0.0.1:0", "--data", folder / "data", "--ready-file", ready]
        self.log = (folder / "log").open("ab")
        variables = {"MARU_LOG__LEVEL": "warn", "MARU_STOP_GRACE_SECS": "60"}
        self.process = subprocess.Popen(
            [str(part) for part in command + (["--store", store] if store else [])],
            stdout=self.log, stderr=self.log, env=os.environ | variables,
        )  # fmt: skip
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.05)
        facts = json.loads(ready.read_text())
        self.address, self.secret = urlsplit(facts["url"]).netloc, facts["secret"]

    def written(self) -> int:
        """How many bytes it has had written to disks."""
        lines = Path(f"/proc/{self.process.pid}/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["write_bytes"])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()


class Client:
    """One connection, kept open."""

    def __init__(self, address: str, secret: str):
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}

    def post(self, path: str, body=None):
        text = json.dumps(body) if body else None
        self.connection.request("POST", f"/v3/directline/conversations{path}", text, self.headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status not in (200, 201):
            sys.exit(f"{answer.status}: {said.decode()}")
        return json.loads(said)


def measure(folder: Path, store: str | None) -> dict[str, tuple[int, int]]:
    """The bytes of each table, and of its indexes."""
    if store:
        subprocess.run(["psql", "-qc", "VACUUM ANALYZE", store], check=True)
        done = subprocess.run(["psql", "-qAtF,", "-c", TABLES, store], check=True, stdout=subprocess.PIPE, text=True)
        rows = (line.split(",") for line in done.stdout.splitlines())
        return {name: (int(table), int(indexes)) for name, table, indexes in rows}
    with sqlite3.connect(folder / "data/maru.db") as database:
        owner = dict(database.execute("SELECT name, tbl_name FROM sqlite_schema"))
        found: dict[str, tuple[int, int]] = {}
        for name, size in database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            table = owner.get(name, name)
            rows, indexes = found.get(table, (0, 0))
            found[table] = (rows + size, indexes) if table == name else (rows, indexes + size)
        return found


def wal_position(store: str | None) -> int:
    """How much PostgreSQL has written to its log ever, in bytes."""
    if not store:
        return 0
    query = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8"
    return int(subprocess.run(["psql", "-qAtc", query, store], check=True, stdout=subprocess.PIPE, text=True).stdout)


def tell(what: str, count: int, before: dict, after: dict):
    print(f"\n{what}, {count:,} of them: bytes for each\n")
    print("| table | rows | indexes | together |\n|---|---:|---:|---:|")
    totals = [0, 0]
    grown = {t: (after[t][0] - before.get(t, (0, 0))[0], after[t][1] - before.get(t, (0, 0))[1]) for t in after}
    for table, sizes in sorted(grown.items(), key=lambda one: -sum(one[1])):
        if sum(sizes) / count < 0.5:
            continue
        rows, indexes = (size / count for size in sizes)
        totals = [totals[0] + rows, totals[1] + indexes]
        print(f"| `{table}` | {rows:.0f} | {indexes:.0f} | {rows + indexes:.0f} |")
    print(f"| all | {totals[0]:.0f} | {totals[1]:.0f} | {sum(totals):.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maru", required=True, help="the program")
    parser.add_argument("--store", help="an empty PostgreSQL database; without it SQLite")
    parser.add_argument("--conversations", type=int, default=5_000)
    parser.add_argument("--posts", type=int, default=20, help="in each conversation; the echo bot answers each")
    parser.add_argument("--text", type=int, default=100, help="bytes of a post's text")
    parser.add_argument("--clients", type=int, default=32)
    given = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="maru-sizing-") as folder:
        folder = Path(folder)
        server = Server(given.maru, folder, given.store)
        secret = server.secret
        server.stop()
        empty = measure(folder, given.store)

        server = Server(given.maru, folder, given.store)
        clients = [Client(server.address, secret) for _ in range(given.clients)]

        def open_some(client: Client) -> list[str]:
            count = given.conversations // given.clients
            return [client.post("")["conversationId"] for _ in range(count)]

        with ThreadPoolExecutor(given.clients) as pool:
            opened = list(pool.map(open_some, clients))
        server.stop()
        count = sum(map(len, opened))
        before = measure(folder, given.store)
        tell("Conversations without a word", count, empty, before)

        server = Server(given.maru, folder, given.store)
        clients = [Client(server.address, secret) for _ in range(given.clients)]
        text = ("All work and no play makes a dull bot. " * (given.text // 39 + 1))[: given.text]

        def say(work: tuple[Client, list[str]]):
            client, conversations = work
            for number in range(given.posts):
                # By turns, as people do.
                for conversation in conversations:
                    key = f"{conversation}{number}"
                    sender = {"id": f"dl_{conversation}"}
                    channel_data = {"clientActivityID": key}
                    body = {"type": "message", "from": sender, "text": text, "channelData": channel_data}
                    client.post(f"/{conversation}/activities", body)

        log, disk = wal_position(given.store), server.written()
        with ThreadPoolExecutor(given.clients) as pool:
            list(pool.map(say, zip(clients, opened)))
        # What is open is handed over before it ends.
        time.sleep(2)
        log, disk = wal_position(given.store) - log, server.written() - disk
        server.stop()
        after = measure(folder, given.store)
        posts = count * given.posts
        tell(f"Posts of {given.text} bytes of text, each with the echo bot's answer", posts, before, after)
        if given.store:
            print(f"\nInto PostgreSQL's log: {log / posts:,.0f} bytes for each post with its answer")
        else:
            print(f"\nWritten to the disk: {disk / posts:,.0f} bytes for each post with its answer")


if __name__ == "__main__":
    main()
