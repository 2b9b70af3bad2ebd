"""The Kubernetes manifests, held to the API's own types and to each other."""

import copy
import unittest

import kubernetes_validate
import yaml

from tools import DEPLOY

FOLDER = DEPLOY / "kubernetes"
# The oldest Kubernetes that has everything the manifests use (a pause before stopping), and the newest
# whose types are at hand.
VERSIONS = ("1.30", "1.37")
# What is no type of Kubernetes' own, and so is not held to one here.
FOREIGN = {"Kustomization", "ServiceMonitor"}


def documents():
    for path in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


def named(kind: str) -> dict:
    found = [document for _, document in documents() if document["kind"] == kind]
    assert len(found) == 1, f"{len(found)} documents of the kind {kind}"
    return found[0]


def is_within(selector: dict, labels: dict) -> bool:
    return selector.items() <= labels.items()


class Types(unittest.TestCase):
    def test_every_manifest_is_of_the_type_it_names(self):
        seen = set()
        for name, document in documents():
            kind = document["kind"]
            seen.add(kind)
            if kind in FOREIGN:
                continue
            for version in VERSIONS:
                with self.subTest(file=name, kubernetes=version):
                    used = kubernetes_validate.validate(document, version, strict=True)
                    self.assertEqual(used, version)
        self.assertTrue({"Deployment", "Job", "Service", "Ingress", "NetworkPolicy"} <= seen)

    def test_a_misspelled_member_is_refused(self):
        """The check above is worth something only if this is so."""

        def container(document):
            return document["spec"]["template"]["spec"]["containers"][0]

        cases = [
            ("Deployment", lambda d: d["spec"], "strategy", "stategy"),
            ("Deployment", container, "readinessProbe", "readinesProbe"),
            ("Deployment", lambda d: container(d)["lifecycle"]["preStop"]["sleep"], "seconds", "second"),
            ("Job", container, "volumeMounts", "volumeMount"),
            ("PodDisruptionBudget", lambda d: d["spec"], "maxUnavailable", "maxUnavailible"),
            ("NetworkPolicy", lambda d: d["spec"], "podSelector", "podselector"),
            ("Ingress", lambda d: d["spec"], "ingressClassName", "ingressClass"),
            ("Service", lambda d: d["spec"]["ports"][0], "targetPort", "targetport"),
        ]
        for kind, part, right, wrong in cases:
            with self.subTest(kind=kind, misspelled=wrong):
                document = copy.deepcopy(named(kind))
                part(document)[wrong] = part(document).pop(right)
                with self.assertRaises(kubernetes_validate.ValidationError):
                    kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


class Together(unittest.TestCase):
    """What no type tells: whether what is named is there."""

    def test_selectors_find_the_nodes(self):
        deployment = named("Deployment")
        pods = deployment["spec"]["template"]["metadata"]["labels"]
        selectors = {
            "Deployment": deployment["spec"]["selector"]["matchLabels"],
            "Service": named("Service")["spec"]["selector"],
            "PodDisruptionBudget": named("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            "NetworkPolicy": named("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        }
        for spread in deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            selectors[spread["topologyKey"]] = spread["labelSelector"]["matchLabels"]
        for who, selector in selectors.items():
            self.assertTrue(is_within(selector, pods), f"{who} selects {selector}, the nodes have {pods}")
        # A migration answers nobody.
        migration = named("Job")["spec"]["template"]["metadata"]["labels"]
        self.assertFalse(is_within(selectors["Service"], migration))
        self.assertTrue(is_within(selectors["NetworkPolicy"], migration))
        monitored = named("ServiceMonitor")["spec"]
        service = named("Service")["metadata"]["labels"]
        self.assertTrue(is_within(monitored["selector"]["matchLabels"], service))
        self.assertEqual(service[monitored["jobLabel"]], "maru")

    def test_ports_are_those_that_are_served(self):
        container = named("Deployment")["spec"]["template"]["spec"]["containers"][0]
        served = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertIn(container[probe]["httpGet"]["port"], served)
        offered = {port["name"]: port["targetPort"] for port in named("Service")["spec"]["ports"]}
        self.assertTrue(set(offered.values()) <= served)
        for rule in named("Ingress")["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                self.assertEqual(backend["name"], named("Service")["metadata"]["name"])
                self.assertIn(backend["port"]["name"], offered)
        for endpoint in named("ServiceMonitor")["spec"]["endpoints"]:
            self.assertIn(endpoint["port"], offered)
        for rule in named("NetworkPolicy")["spec"]["ingress"]:
            self.assertTrue({port["port"] for port in rule["ports"]} <= served)

    def test_what_pods_mount_and_read_is_there(self):
        secret = named("Secret")
        kept = set(secret["stringData"])
        for kind in ("Deployment", "Job"):
            pod = named(kind)["spec"]["template"]["spec"]
            volumes = {volume["name"]: volume for volume in pod["volumes"]}
            for container in pod["containers"]:
                mounted = {mount["name"] for mount in container["volumeMounts"]}
                self.assertEqual(mounted, set(volumes), kind)
                for variable in container["env"]:
                    source = variable.get("valueFrom", {}).get("secretKeyRef")
                    if source:
                        self.assertEqual(source["name"], secret["metadata"]["name"])
                        self.assertIn(source["key"], kept)
            self.assertEqual(volumes["config"]["configMap"]["name"], named("ConfigMap")["metadata"]["name"])
            self.assertEqual(volumes["secrets"]["secret"]["secretName"], secret["metadata"]["name"])
            items = volumes["secrets"]["secret"]["items"]
            self.assertTrue({item["key"] for item in items} <= kept)
            # Settings name the files by these paths.
            folder = next(m["mountPath"] for m in container["volumeMounts"] if m["name"] == "secrets")
            files = {f"{folder}/{item['path']}" for item in items}
            toml = named("ConfigMap")["data"]["maru.toml"]
            named_files = {part.split('"')[0] for part in toml.split('"file:')[1:]}
            self.assertTrue(named_files <= files, f"{named_files} of {files}")

    def test_the_kustomization_names_what_is_there(self):
        kustomization = named("Kustomization")
        for resource in kustomization["resources"]:
            self.assertTrue((FOLDER / resource).is_file(), resource)
        # Examples are for people to adapt, and a Job is made anew for each migration.
        left_out = {p.name for p in FOLDER.glob("*.yaml")} - set(kustomization["resources"])
        self.assertEqual(
            {name for name in left_out if not name.endswith(".example.yaml")},
            {"kustomization.yaml", "migrate-job.yaml"},
        )
        image = kustomization["images"][0]
        nodes = named("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
        self.assertEqual(image["name"], nodes)
        migration = named("Job")["spec"]["template"]["spec"]["containers"][0]["image"]
        self.assertEqual(f"{image['newName']}:{image['newTag']}", migration)

    def test_a_node_gets_longer_to_stop_than_it_takes(self):
        pod = named("Deployment")["spec"]["template"]["spec"]
        pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace, last_answers = 10, 5
        self.assertGreater(pod["terminationGracePeriodSeconds"], pause + grace + last_answers)


if __name__ == "__main__":
    unittest.main()
