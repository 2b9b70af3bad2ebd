"""The Containerfile and the compose file. No container engine is at hand here: they are parsed, held to the
Compose Specification and to what they name, and the health check's command is run against a Maru."""

import importlib.resources
import json
import re
import tempfile
import tomllib
import unittest
from pathlib import Path

import jsonschema
import yaml
from dockerfile_parse import DockerfileParser

from tools import DEPLOY, ROOT, program, run, serving

COMPOSE = DEPLOY / "compose.yaml"


def instructions(name: str | None = None) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        # The parser wants the file to have the other name, and may write into its folder.
        path = Path(folder) / "Dockerfile"
        path.write_text((DEPLOY / "Containerfile").read_text())
        found = DockerfileParser(str(path)).structure
    return [one for one in found if name is None or one["instruction"] == name]


class Image(unittest.TestCase):
    def test_every_instruction_is_one(self):
        known = {
            "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
            "HEALTHCHECK", "ENTRYPOINT", "CMD", "COMMENT",
        }  # fmt: skip
        self.assertEqual({one["instruction"] for one in instructions()} - known, set())
        for name in ("ENTRYPOINT", "CMD"):
            # As a list: a shell in between would swallow SIGTERM.
            self.assertIsInstance(json.loads(instructions(name)[-1]["value"]), list)

    def test_it_is_built_with_the_pinned_toolchain_on_the_release_it_runs_on(self):
        pinned = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
        _pages, build, runtime = (one["value"] for one in instructions("FROM"))
        version, release = re.search(r"rust:([0-9.]+)-([a-z]+) ", build).groups()
        self.assertEqual(version, pinned)
        # A newer libc than the one it runs with would not do.
        self.assertIn(f"debian:{release}-slim", runtime)
        self.assertIn(f"RUSTUP_TOOLCHAIN={pinned}", instructions("ENV")[0]["value"])

    def test_the_build_gets_every_crate(self):
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
        needed = {member.removesuffix("/*") for member in workspace["members"]} | {"Cargo.toml", "Cargo.lock"}
        # How SQLite is compiled.
        needed.add(".cargo")
        # The demo's scenarios are taken in as text.
        needed.add("examples/scenarios")
        copied = [one["value"] for one in instructions("COPY") if "--from" not in one["value"]]
        given = {part for line in copied for part in line.split()[:-1] if not part.startswith("web/")}
        self.assertEqual(needed, given)

    def test_the_pages_are_built_from_all_of_their_sources_and_taken_in(self):
        web = ROOT / "web"
        packages = json.loads((web / "package.json").read_text())["workspaces"]
        copied = [one["value"].split() for one in instructions("COPY")]
        given = {part for line in copied for part in line[:-1]}
        for name in [*packages, "shared", "scripts", "package.json", "package-lock.json", "tsconfig.base.json"]:
            self.assertTrue((web / name).exists(), name)
            self.assertIn(f"web/{name}", given)
        self.assertIn(["--from=pages", "/src/web/dist", "web/dist"], copied)

    def test_it_does_not_run_as_root(self):
        user = instructions("USER")[-1]["value"].split(":")[0]
        self.assertGreater(int(user), 0)
        compose = COMPOSE.read_text()
        self.assertIn(f"uid={user},gid={user}", compose)
        for manifest in ("deployment.yaml", "migrate-job.yaml"):
            self.assertIn(f"runAsUser: {user}", (DEPLOY / "kubernetes" / manifest).read_text())

    def test_the_health_check_tells_a_maru_that_lives_from_none(self):
        value = instructions("HEALTHCHECK")[0]["value"]
        command = json.loads(value[value.index("CMD") + len("CMD") :])
        with serving() as maru:
            port = maru.url.rsplit(":", 1)[1]
            asked = [part.replace("/8080", f"/{port}") for part in command]
            self.assertNotEqual(asked, command)
            self.assertEqual(run(*asked).returncode, 0)
        self.assertNotEqual(run(*asked).returncode, 0)


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.compose = yaml.safe_load(COMPOSE.read_text())
        folder = importlib.resources.files("check_jsonschema") / "builtin_schemas/vendor"
        cls.specification = json.loads((folder / "compose-spec.json").read_text())

    def test_it_keeps_to_the_compose_specification(self):
        jsonschema.validate(self.compose, self.specification)

    def test_a_misspelled_member_is_refused(self):
        for service, wrong in [("maru-1", "depend_on"), ("postgres", "heathcheck"), ("nats", "secret")]:
            broken = json.loads(json.dumps(self.compose))
            broken["services"][service][wrong] = {}
            with self.subTest(misspelled=wrong), self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(broken, self.specification)

    def test_what_services_name_is_there(self):
        declared = {kind: set(self.compose[kind]) for kind in ("networks", "secrets", "configs")}
        volumes = set(self.compose["volumes"])
        for name, service in self.compose["services"].items():
            with self.subTest(service=name):
                for kind, known in declared.items():
                    for used in service.get(kind, []):
                        self.assertIn(used["source"] if isinstance(used, dict) else used, known)
                for volume in service.get("volumes", []):
                    source = volume.split(":")[0]
                    if source.startswith("."):
                        self.assertTrue((DEPLOY / source).exists(), source)
                    else:
                        self.assertIn(source, volumes)
                for other, condition in service.get("depends_on", {}).items():
                    awaited = self.compose["services"][other]
                    if condition["condition"] == "service_healthy" and other != "caddy":
                        # A Maru's health check comes with its image.
                        self.assertTrue("healthcheck" in awaited or awaited["image"] == "maru", other)
                self.assertIn("restart", service)

    def test_secrets_are_made_for_it_and_stay_as_they_are(self):
        with tempfile.TemporaryDirectory() as folder:
            secrets = Path(folder) / "secrets"
            runs = []
            for _ in range(2):
                done = run(DEPLOY / "secrets.sh", secrets)
                self.assertEqual((done.returncode, done.stdout), (0, ""))
                runs.append({path.name: path.read_text() for path in secrets.iterdir()})
            kept, again = runs
            self.assertEqual(kept, again)
            self.assertEqual(secrets.stat().st_mode & 0o777, 0o700)
        files = {Path(secret["file"]) for secret in self.compose["secrets"].values()}
        self.assertEqual({path.parent for path in files}, {Path("secrets")})
        self.assertTrue({path.name for path in files} <= set(kept))
        self.assertIn(kept["postgres-password"].strip(), kept["store-url"])
        self.assertIn(kept["nats-password"].strip(), kept["hints-url"])
        # It is in none of the files that are committed.
        ignored = (DEPLOY / ".gitignore").read_text().split()
        self.assertIn("/secrets/", ignored)

    def test_nats_takes_its_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            run(DEPLOY / "secrets.sh", folder / "secrets")
            (folder / "nats.conf").write_text((DEPLOY / "nats/nats.conf").read_text())
            (folder / "auth.conf").write_text((folder / "secrets/nats-auth.conf").read_text())
            done = run(program("nats-server"), "--config", folder / "nats.conf", "-t")
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
