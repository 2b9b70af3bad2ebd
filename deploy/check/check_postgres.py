"""Hash partitions: a Maru on a database that partition.sql has spread, and what that leaves as it was."""

import contextlib
import os
import tempfile
import unittest
from pathlib import Path

from check_monitoring import undocumented
from tools import DEPLOY, MARU, call, free_port, process, run, serving, until

# The newest that Debian has installed.
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
# What has a row for each conversation or message.
SPREAD = {"conversations", "members", "entries", "deliveries", "attempts", "client_keys"}
INDEXES = """
SELECT i.relname, replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON ')
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition ORDER BY 1
"""


@contextlib.contextmanager
def postgres():
    """A PostgreSQL of its own; gives the URL of an empty database. It does not run as root."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="maru-postgres-") as folder:
        if nobody:
            os.chown(folder, 65534, 65534)
        port = free_port()
        options = ["--encoding=UTF8", "--auth=trust", "--username=maru", "--no-sync"]
        made = run(*nobody, BIN / "initdb", *options, f"{folder}/data", cwd=folder)
        assert made.returncode == 0, made.stdout
        command = [*nobody, BIN / "postgres", "-D", f"{folder}/data", "-p", port, "-k", folder]
        with process(*command, "-c", "listen_addresses=127.0.0.1", cwd=folder):
            url = f"postgres://maru@127.0.0.1:{port}/"
            until("PostgreSQL", lambda: run(BIN / "psql", "-qc", "SELECT 1", f"{url}postgres").returncode == 0)
            assert run(BIN / "psql", "-qc", "CREATE DATABASE maru", f"{url}postgres").returncode == 0
            yield f"{url}maru"


class Partitions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(postgres())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())

    def ask(self, sql: str) -> list[str]:
        done = run(BIN / "psql", "-qAtc", sql, self.url)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.splitlines()

    def partition(self):
        return run(BIN / "psql", "-q", "--set", "partitions=8", "--file", DEPLOY / "postgres/partition.sql", self.url)

    def test_a_maru_notices_nothing(self):
        migrated = run(MARU, "migrate", "--data", f"{self.folder}/data", "--store", self.url)
        self.assertEqual(migrated.returncode, 0, migrated.stdout)
        indexes = self.ask(INDEXES)
        self.assertGreater(len(indexes), 20)
        done = self.partition()
        self.assertEqual((done.returncode, done.stdout), (0, ""))

        # Later migrations know indexes by their names.
        self.assertEqual(self.ask(INDEXES), indexes)
        spread = self.ask("SELECT relname FROM pg_class WHERE relkind = 'p'")
        self.assertEqual(set(spread), SPREAD)
        self.assertEqual(self.ask("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relispartition"), ["48"])
        room = "SELECT DISTINCT reloptions FROM pg_class WHERE relname ~ '^conversations_[0-9]+$' AND relkind = 'r'"
        self.assertEqual(self.ask(room), ["{fillfactor=70}"])

        # Hints need no NATS to be there.
        settings = {"STORE__URL": self.url, "STORE__MIGRATE": "false", "HINTS__URL": f"nats://127.0.0.1:{free_port()}"}
        with serving(**{f"MARU_{name}": value for name, value in settings.items()}) as maru:
            base = f"{maru.url}/v3/directline/conversations"
            for _ in range(20):
                started = call(base, method="POST", secret=maru.secret).json()
                path = f"{base}/{started['conversationId']}/activities"
                activity = {"type": "message", "from": {"id": "me"}, "text": "hello"}
                self.assertEqual(call(path, method="POST", secret=maru.secret, body=activity).status, 200)

                def answered(path=path):
                    activities = call(path, secret=maru.secret).json()["activities"]
                    return "Echo: hello" in [activity.get("text") for activity in activities]

                until("the bot's answer", answered)
            answer = call(f"{maru.url}/metrics").body.decode()
            self.assertIn("maru_hints_connected 0", answer)
            self.assertEqual(undocumented(answer), [])
        used = self.ask("SELECT count(DISTINCT tableoid) FROM entries")
        self.assertGreater(int(used[0]), 1)
        # What has rows is left alone.
        done = self.partition()
        self.assertIn("is not empty", done.stdout)
        self.assertEqual(self.ask("SELECT count(*) FROM conversations"), ["20"])


if __name__ == "__main__":
    unittest.main()
