"""nginx and Caddy, with the files that are here, in front of a real Maru: the quick start's conversation, an
upload above nginx's usual limit, and a WebSocket, over TLS and without sticky sessions.

Of the files only what differs from machine to machine is changed: ports, certificates, folders.
"""

import contextlib
import json
import os
import socket
import tempfile
import unittest
from pathlib import Path

from websockets.sync.client import connect

from tools import DEPLOY, PATIENCE, call, free_port, process, program, run, serving, trusting, until

SITE = "chat.example.org"


# Where nginx puts what does not fit into memory.
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert text.count(old) >= 1, f"{old!r} is not there any more"
        text = text.replace(old, new)
    return text


class Conversations:
    """What both proxies are put to."""

    def call(self, path, **options):
        return call(f"https://{SITE}{path}", at=("127.0.0.1", self.port), **options)

    def begin(self):
        answer = self.call("/v3/directline/conversations", method="POST", secret=self.secret)
        self.assertEqual(answer.status, 201)
        return answer.json()

    def say(self, started, text):
        path = f"/v3/directline/conversations/{started['conversationId']}/activities"
        body = {"type": "message", "from": {"id": "me"}, "text": text}
        return self.call(path, method="POST", secret=started["token"], body=body)

    def texts(self, started):
        path = f"/v3/directline/conversations/{started['conversationId']}/activities"
        answer = self.call(path, secret=started["token"])
        self.assertEqual(answer.status, 200)
        return [activity.get("text") for activity in answer.json()["activities"]]

    @contextlib.contextmanager
    def stream(self, started):
        url = started["streamUrl"]
        # Made of what the proxy says of the request: the name and the scheme that the client used.
        self.assertTrue(url.startswith(f"wss://{SITE}/v3/directline/"), url.split("?")[0])
        peer = socket.create_connection(("127.0.0.1", self.port))
        with connect(url, sock=peer, ssl=trusting()) as stream:
            yield stream

    def test_a_conversation_goes_through(self):
        started = self.begin()
        self.assertEqual(self.say(started, "Hello, Maru").status, 200)
        said = until("the bot's answer", lambda: (t := self.texts(started)) and len(t) == 3 and t)
        self.assertEqual((said[0], said[2]), ("Hello, Maru", "Echo: Hello, Maru"))

    def test_a_socket_is_upgraded_and_told_at_once(self):
        started = self.begin()
        with self.stream(started) as stream:
            self.assertEqual(self.say(started, "over the socket").status, 200)
            seen = []
            while "Echo: over the socket" not in seen:
                frame = stream.recv(PATIENCE)
                # An empty frame only keeps the socket open.
                activities = json.loads(frame)["activities"] if frame else []
                seen += [activity.get("text") for activity in activities]
            self.assertIn("over the socket", seen)

    def test_an_upload_of_3_mib_goes_through(self):
        started = self.begin()
        file = bytes(3 * 1024 * 1024)
        path = f"/v3/directline/conversations/{started['conversationId']}/upload?userId=me"
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": "name=a; filename=a.bin"}
        answer = self.call(path, method="POST", secret=started["token"], body=file, headers=headers)
        self.assertEqual(answer.status, 200, answer.body)

    def test_the_world_reaches_clients_and_bots_faces_alone(self):
        for path in ("/metrics", "/readyz", "/healthz", "/openapi.json", "/"):
            self.assertEqual(self.call(path).status, 404, path)
        # This one is Maru's own answer.
        self.assertEqual(self.call("/v3/directline/nothing").headers["x-content-type-options"], "nosniff")

    def test_what_a_client_says_of_itself_is_not_believed(self):
        headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-For": "6.6.6.6"}
        answer = self.call("/v3/directline/conversations", method="POST", secret=self.secret, headers=headers)
        self.assertTrue(answer.json()["streamUrl"].startswith(f"wss://{SITE}/"))

    def test_a_node_that_is_gone_is_passed_over(self):
        # Of the two nodes the proxy knows, one was never there.
        for _ in range(8):
            self.begin()


class House(unittest.TestCase):
    """One Maru behind a proxy, which knows of a second node that is not there."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="maru-proxy-"))
        cls.folder = Path(folder)
        maru = cls.enterClassContext(serving(MARU_TRUSTED_PROXIES="127.0.0.1"))
        cls.secret = maru.secret
        cls.node, cls.absent = maru.url.removeprefix("http://"), f"127.0.0.1:{free_port()}"
        cls.port = free_port()
        cls.enterClassContext(cls.listening())

    @classmethod
    @contextlib.contextmanager
    def listening(cls):
        at = ("127.0.0.1", cls.port)
        with cls.proxy():
            until("the proxy", lambda: call(f"https://{SITE}/", at=at).status == 404)
            yield


class Nginx(Conversations, House):
    @classmethod
    def proxy(cls):
        certificate, key = cls.folder / "cert.pem", cls.folder / "key.pem"
        made = run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "1", "-subj", f"/CN={SITE}", "-keyout", key, "-out", certificate,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout
        maru = replaced(
            (DEPLOY / "nginx/maru.conf").read_text(),
            {
                "server 127.0.0.1:8080 ": f"server {cls.node} ",
                "# server 10.0.0.12:8080 ": f"server {cls.absent} ",
                "listen 443 ssl;": f"listen 127.0.0.1:{cls.port} ssl;",
                f"/etc/ssl/maru/{SITE}.crt": str(certificate),
                f"/etc/ssl/maru/{SITE}.key": str(key),
                "/var/log/nginx": str(cls.folder),
            },
        )
        # What Debian's nginx.conf has around it, less the folders of the system.
        temporary = "".join(f"{kind}_temp_path {cls.folder}/{kind};\n" for kind in TEMPORARY)
        configuration = cls.folder / "nginx.conf"
        # Its workers are others than root unless told, and could not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(
            f"{user} daemon off; pid {cls.folder}/pid; error_log {cls.folder}/error.log;\n"
            f"worker_processes 2; events {{}}\nhttp {{\naccess_log off;\n{temporary}{maru}}}\n"
        )
        command = [program("nginx"), "-e", cls.folder / "start.log", "-c", configuration]
        checked = run(*command, "-t")
        assert checked.returncode == 0, checked.stdout
        return process(*command)


class Caddy(Conversations, House):
    @classmethod
    def proxy(cls):
        caddy, file = program("caddy"), cls.folder / "Caddyfile"
        # A certificate of its own for the name, no port 80, nothing asked of the world.
        globals_ = f"{{\n\thttps_port {cls.port}\n\tauto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust\n\tadmin off\n"
        file.write_text(
            replaced(
                (DEPLOY / "caddy/Caddyfile").read_text(),
                {"\n{\n": f"\n{globals_}", "http://:8080 {": f"http://127.0.0.1:{free_port()} {{"},
            )
        )
        variables = {
            "MARU_SITE": SITE,
            "MARU_NODES": f"{cls.node} {cls.absent}",
            "HOME": str(cls.folder),
            "XDG_DATA_HOME": str(cls.folder),
        }
        options = ["--config", file, "--adapter", "caddyfile"]
        checked = run(caddy, "validate", *options, variables=variables)
        assert checked.returncode == 0, checked.stdout
        return process(caddy, "run", *options, env=os.environ | variables)


if __name__ == "__main__":
    unittest.main()
