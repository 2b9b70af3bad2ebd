"""The alert rules and the dashboard: they are sound, and every number they ask for is one that Maru tells."""

import json
import re
import tempfile
import unittest

import yaml

from tools import DEPLOY, ROOT, call, program, run, serving, until

FOLDER = DEPLOY / "monitoring"
RULES = FOLDER / "alerts.yaml"
DASHBOARD = FOLDER / "grafana-dashboard.json"
# What is made of one histogram.
HISTOGRAM = ("_bucket", "_sum", "_count")


def asked(expression: str) -> set[str]:
    """The numbers of Maru that an expression asks for."""
    return set(re.findall(r"\bmaru_[a-z0-9_]+", expression))


def told(text: str) -> set[str]:
    """The names of the series in an answer of /metrics."""
    return {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def in_code(name: str) -> bool:
    """Whether the program registers such a name. For numbers that a single node on SQLite does not have:
    those of other stores, and of hints between nodes."""
    name = next((name.removesuffix(end) for end in HISTOGRAM if name.endswith(end)), name)
    short = name.removeprefix("maru_").removeprefix("store_")
    spellings = {name, short, name.removesuffix("_total"), short.removesuffix("_total")}
    literals = re.compile("|".join(f'"{re.escape(spelling)}"' for spelling in sorted(spellings)))
    sources = (path for part in ("crates", "channels", "bots") for path in (ROOT / part).glob("*/src/**/*.rs"))
    return any(literals.search(path.read_text()) for path in sources)


def undocumented(answer: str) -> list[str]:
    """The numbers of an answer of /metrics that are not on the page about them."""
    page = (ROOT / "docs/operations/monitoring.md").read_text()
    endings = {"counter": "_total", "info": "_info"}
    kinds = re.findall(r"^# TYPE (\S+) (\w+)$", answer, re.M)
    spelled = [f"{name}{endings.get(kind, '')}" for name, kind in kinds]
    return [name for name in spelled if not re.search(rf"`{name}[`{{]", page)]


def panels(dashboard: dict):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions():
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in panels(json.loads(DASHBOARD.read_text())):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


class Numbers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with serving() as maru:
            # Something of everything: a conversation, and a bot that is not there.
            maru.verb("bot", "add", "gone", "--kind", "bot-framework", "--endpoint", "http://127.0.0.1:1/api")
            maru.verb("channel", "set", "web", "bot=gone")
            base = f"{maru.url}/v3/directline/conversations"
            started = call(base, method="POST", secret=maru.secret).json()
            activity = {"type": "message", "from": {"id": "me"}, "text": "hello"}
            path = f"{base}/{started['conversationId']}/activities"
            assert call(path, method="POST", secret=maru.secret, body=activity).status == 200

            def answer():
                text = call(f"{maru.url}/metrics").body.decode()
                return "maru_egress_calls" in text and text

            cls.answer = until("the call to the bot", answer)
        cls.kinds = dict(re.findall(r"^# TYPE (\S+) (\w+)$", cls.answer, re.M))
        cls.page = (ROOT / "docs/operations/monitoring.md").read_text()

    def test_every_number_that_is_asked_for_exists(self):
        known = told(self.answer)
        # The check is worth something only if it finds what is not there.
        self.assertIn("maru_http_requests_total", known)
        self.assertFalse(in_code("maru_no_such_number_total"))
        for who, expression in expressions():
            for name in asked(expression) - known:
                with self.subTest(who=who, number=name):
                    # One that every node has must be seen, not only read about.
                    self.assertRegex(name, "^maru_(hints|store)_")
                    self.assertTrue(in_code(name), f"{name} is in no answer of /metrics and in no code")

    def test_every_number_is_documented(self):
        self.assertGreater(len(self.kinds), 20)
        self.assertEqual(undocumented(self.answer), [])

    def test_what_is_documented_exists(self):
        for name in sorted({name for code in re.findall(r"`[^`\n]+`", self.page) for name in asked(code)}):
            with self.subTest(number=name):
                known = {name, name.removesuffix("_total"), name.removesuffix("_info")} & set(self.kinds)
                self.assertTrue(known or in_code(name), name)


class Rules(unittest.TestCase):
    def test_prometheus_takes_them(self):
        checked = run(program("promtool"), "check", "rules", RULES)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_they_fire_when_they_should(self):
        tested = run(program("promtool"), "test", "rules", FOLDER / "alerts.test.yaml")
        self.assertEqual(tested.returncode, 0, tested.stdout)

    def test_every_rule_is_tested_and_explained(self):
        names = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
        tests = yaml.safe_load((FOLDER / "alerts.test.yaml").read_text())["tests"]
        fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
        self.assertEqual(names, fired)
        page = (ROOT / "docs/operations/monitoring.md").read_text()
        for name in names:
            self.assertTrue(f"| `{name}` |" in page, f"{name} is not explained")
        for group in yaml.safe_load(RULES.read_text())["groups"]:
            for rule in group["rules"]:
                self.assertTrue((ROOT / rule["annotations"]["runbook"]).is_file())
                self.assertIn(rule["labels"]["severity"], {"page", "ticket"})


class Dashboard(unittest.TestCase):
    """Its form, as Grafana 10 and later read it; there is none here to load it."""

    def test_its_panels_are_whole(self):
        dashboard = json.loads(DASHBOARD.read_text())
        self.assertGreaterEqual(dashboard["schemaVersion"], 39)
        ids = [panel["id"] for panel in panels(dashboard)]
        self.assertEqual(len(ids), len(set(ids)))
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        taken = set()
        for panel in panels(dashboard):
            with self.subTest(panel=panel["title"]):
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24)
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                         for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
                self.assertFalse(cells & taken, "it covers another one")
                taken |= cells
                if panel["type"] == "row":
                    continue
                self.assertIn(panel["type"], {"stat", "timeseries"})
                self.assertTrue(panel["description"].endswith("."))
                self.assertTrue(panel["targets"])
                for target in panel["targets"]:
                    self.assertEqual(target["datasource"]["uid"], "${datasource}")
                    used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
                    self.assertTrue(used <= variables, used)

    def test_prometheus_takes_its_queries(self):
        """As rules, since promtool reads no dashboards."""
        queries = [
            re.sub(r"\$__rate_interval", "5m", target["expr"]).replace("$job", "maru").replace("$instance", ".*")
            for panel in panels(json.loads(DASHBOARD.read_text()))
            for target in panel.get("targets", [])
        ]
        rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            checked = run(program("promtool"), "check", "rules", file.name)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertIn(f"{len(queries)} rules found", checked.stdout)


if __name__ == "__main__":
    unittest.main()
