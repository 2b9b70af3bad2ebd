"""Every setting in a unit, manifest, compose file or image is one that Maru knows, and the unit is one that
systemd knows."""

import re
import tempfile
import tomllib
import unittest
from pathlib import Path

import yaml

from tools import DEPLOY, MARU, program, run

UNIT = DEPLOY / "systemd/maru.service"


def configured(toml: str = "", **variables) -> str:
    """What Maru makes of these settings; fails if it does not know one of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "maru.toml"
        file.write_text(toml)
        for verb in (["config", "check", file], ["config", "print", "--config", file]):
            done = run(MARU, *verb, variables=variables)
            assert done.returncode == 0, done.stdout
        return done.stdout


def image_variables() -> dict[str, str]:
    text = (DEPLOY / "Containerfile").read_text()
    return dict(re.findall(r"\b(MARU_[A-Z_]+)=(\S+)", text))


class Settings(unittest.TestCase):
    def test_an_unknown_setting_is_noticed(self):
        with self.assertRaises(AssertionError):
            configured("listn = '127.0.0.1:1'")
        with self.assertRaises(AssertionError):
            configured(MARU_STORE__MIGRAT="false")

    def test_those_of_the_image(self):
        variables = image_variables()
        self.assertEqual(set(variables), {"MARU_LISTEN", "MARU_DATA", "MARU_LOG__FORMAT"})
        configured(**variables)

    def test_those_of_kubernetes(self):
        config = yaml.safe_load((DEPLOY / "kubernetes/config.yaml").read_text())
        toml = config["data"]["maru.toml"]
        configured(toml, **image_variables())
        settings = tomllib.loads(toml)
        # What a cluster cannot do without.
        self.assertTrue(settings["instance_key"].startswith("file:"))
        self.assertTrue(settings["store"]["url"].startswith("file:"))
        self.assertFalse(settings["store"]["migrate"])
        deployment = yaml.safe_load((DEPLOY / "kubernetes/deployment.yaml").read_text())
        for variable in deployment["spec"]["template"]["spec"]["containers"][0]["env"]:
            if variable["name"].startswith("MARU_") and variable["name"] != "MARU_CONFIG":
                configured(**{variable["name"]: variable.get("value", "x")})

    def test_those_of_compose(self):
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        nodes = [service for service in compose["services"].values() if service["image"] == "maru"]
        self.assertEqual(len(nodes), 4)
        for service in nodes:
            # As compose does it: what is not set has its default.
            value = {k: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", v) for k, v in service["environment"].items()}
            printed = configured(**image_variables() | value)
            self.assertIn('public_url = "https://localhost"', printed)
            self.assertIn("migrate = false", printed)

    def test_proxies_are_believed_where_they_are(self):
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        subnet = compose["networks"]["front"]["ipam"]["config"][0]["subnet"]
        self.assertEqual(compose["x-maru-settings"]["MARU_TRUSTED_PROXIES"], subnet)


class Unit(unittest.TestCase):
    def test_systemd_takes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            unit = Path(folder) / UNIT.name
            # There need be no Maru where the unit looks for it.
            text = UNIT.read_text().replace("/usr/local/bin/maru ", f"{MARU} ")
            self.assertNotEqual(text, UNIT.read_text())
            unit.write_text(text)
            checked = run(program("systemd-analyze"), "verify", "--man=no", unit)
            self.assertEqual((checked.returncode, checked.stdout.strip()), (0, ""))
            broken = Path(folder) / "broken.service"
            broken.write_text(text.replace("ProtectHome=", "ProtectHomes="))
            self.assertIn("ProtectHomes", run(program("systemd-analyze"), "verify", "--man=no", broken).stdout)

    def test_it_is_shut_in(self):
        # 0 is a unit that can do nothing, 100 one that can do everything.
        command = ["security", "--offline=true", "--threshold=15", "--no-pager", UNIT]
        checked = run(program("systemd-analyze"), *command)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_its_settings_are_known(self):
        line = re.search(r"^Environment=(.*)$", UNIT.read_text(), re.M).group(1)
        configured(**dict(part.split("=", 1) for part in line.replace("%S", "/var/lib").split()))

    def test_it_waits_longer_than_a_stop_takes(self):
        wait = int(re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.M).group(1))
        grace, last_answers = 10, 5
        self.assertGreater(wait, grace + last_answers)


if __name__ == "__main__":
    unittest.main()
