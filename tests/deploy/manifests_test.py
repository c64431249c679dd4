# SPDX-License-Identifier: Apache-2.0
"""`headrace deploy` over every example, target and set of options: each object against its published schema, each pod against the
rules of restricted clusters, and the command of a job run as its pod would run it."""

import base64
import itertools
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

import schemas

SOURCE, BUILD = schemas.SOURCE, pathlib.Path(os.environ.get("HEADRACE_BUILD_DIR") or schemas.SOURCE / "build/release")
HEADRACE = BUILD / "bin/headrace"
EXAMPLES = sorted((SOURCE / "examples").glob("*/pipeline.yaml"))
SERVER = ["--command", "model-server --port 8080"]
OPTIONS = {
    "job": [[], ["--namespace", "lab", "--queue", "team-a", "--make-queue", "--quota", "--pull-secret", "registry"],
            ["--secret", "store", "--secret", "mail", "--store-claim", "runs", "--fs-group", "2000", "--timeout", "3600", "--seed", "9"],
            ["--data-claim", "files", "--cpu", "1.5", "--memory", "3GiB", "--retries", "0", "--keep", "60",
             "--image", "a.example/b/c:1@sha256:0"],
            ["--data-path", "/srv/data", "--command", "train --all $HOME", "--name", "on"]],
    "kuberay": [[], ["--namespace", "lab", "--queue", "team-a", "--make-queue", "--quota", "--secret", "store"],
                ["--store-claim", "runs", "--data-claim", "files", "--workers", "3", "--timeout", "600", "--keep", "5",
                 "--pull-secret", "registry"]],
    "knative": [SERVER, [*SERVER, "--health", "/v2/health/ready", "--port", "9000", "--workers", "7", "--data-claim", "models",
                         "--secret", "s"]],
}
GANG = """pipeline: Gang_of 4
seed: 1
nodes:
  rows: { op: csv, path: iris.csv, skip_rows: 1, header: false, target: 4 }
  forest: { op: random_forest, from: rows, n_estimators: { grid: [5, 10, 20] }, gang: 4, resources: { cpu: 2, memory: 3000000000 } }
  net: { op: mlp_classifier, from: rows, resources: { cpu: 1, gpu: 1 }, replicas: 2 }
evaluate: { folds: 2, metric: accuracy }
"""


def deploy(*words, code=0):
    done = subprocess.run([HEADRACE, "deploy", *words], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    if done.returncode != code:
        raise AssertionError(f"headrace deploy {words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def read(folder):
    """Objects by file name, as a parser of YAML 1.1 reads them."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(pathlib.Path(folder).glob("*.yaml"))}


def templates(manifests):
    """Every pod template: (component, template)."""
    for manifest in manifests.values():
        spec = manifest.get("spec", {})
        if manifest["kind"] in ("Job", "Service") and "template" in spec:
            yield spec["template"]
        if manifest["kind"] == "RayJob":
            cluster = spec["rayClusterSpec"]
            yield spec["submitterPodTemplate"]
            yield cluster["headGroupSpec"]["template"]
            yield from (group["template"] for group in cluster["workerGroupSpecs"])


def all_cases():
    for target, sets in OPTIONS.items():
        for example, (number, options) in itertools.product(EXAMPLES, enumerate(sets)):
            yield f"{example.parent.name}-{target}-{number}", example, target, options


class ManifestsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Deploys every case once: (name, target, objects by file)."""
        with tempfile.TemporaryDirectory() as folder:
            cls.cases = []
            for name, example, target, options in all_cases():
                deploy(example, "--to", target, "-o", f"{folder}/{name}", *options)
                cls.cases.append((name, target, read(f"{folder}/{name}")))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def gang(self, *words, text=GANG):
        (self.folder / "iris.csv").write_bytes((SOURCE / "examples/iris_nca/data/iris.csv").read_bytes())
        (self.folder / "p.yaml").write_text(text)
        out = self.folder / "out"
        deploy(self.folder / "p.yaml", "-o", out, *words)
        return read(out)

    def test_core_objects_pass_their_schemas(self):
        count = 0
        for name, _, manifests in self.cases:
            with self.subTest(name):
                for manifest in manifests.values():
                    if not schemas.is_custom(manifest):
                        schemas.validate(manifest)
                        count += 1
        self.assertGreater(count, 100)

    @unittest.skipUnless(schemas.FOLDER.is_dir(), f"the schemas of custom resources are not in {schemas.FOLDER}")
    def test_custom_objects_pass_their_schemas(self):
        kinds = set()
        for name, _, manifests in self.cases:
            with self.subTest(name):
                for manifest in manifests.values():
                    if schemas.is_custom(manifest):
                        schemas.validate(manifest)
                        kinds.add(manifest["kind"])
        self.assertEqual(kinds, {kind for _, kind in schemas.FILES})

    @unittest.skipUnless(schemas.FOLDER.is_dir(), f"the schemas of custom resources are not in {schemas.FOLDER}")
    def test_schemas_refuse_what_is_wrong(self):
        """A check that refuses nothing checks nothing."""
        deploy(EXAMPLES[0], "--to", "kuberay", "-o", self.folder / "x")
        for path, value in ((["spec", "rayClusterSpec", "autoscalerOptions", "version"], "v9"), (["spec", "backoffLimits"], 1),
                            (["spec", "rayClusterSpec", "workerGroupSpecs", 0, "maxReplicas"], "many"),
                            (["spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "container"], [])):
            manifest = read(self.folder / "x")["50-rayjob.yaml"]
            at = manifest
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
            with self.assertRaises(schemas.jsonschema.ValidationError):
                schemas.validate(manifest)
        account = read(self.folder / "x")["10-serviceaccount.yaml"]
        with self.assertRaises(schemas.kubernetes_validate.ValidationError):
            schemas.validate({**account, "automount": False})

    def test_pods_of_custom_objects_are_pods(self):
        for name, _, manifests in self.cases:
            with self.subTest(name):
                for template in templates(manifests):
                    spec = {key: value for key, value in template["spec"].items() if key not in ("containerConcurrency", "timeoutSeconds")}
                    schemas.validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", **template["metadata"]}, "spec": spec})

    def test_pods_are_restricted_and_take_any_user(self):
        for name, target, manifests in self.cases:
            with self.subTest(name):
                for template in templates(manifests):
                    spec = template["spec"]
                    self.assertFalse({"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec))
                    for volume in spec["volumes"]:
                        self.assertTrue({"configMap", "emptyDir", "persistentVolumeClaim"} & set(volume), volume)
                    if target != "knative":
                        self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                        self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    head = template["metadata"]["labels"]["app.kubernetes.io/component"] == "head"
                    self.assertEqual(spec.get("automountServiceAccountToken"), None if head and "serviceAccountName" not in spec else False)
                    for container in spec["containers"]:
                        self.assertEqual(container["securityContext"],
                                         {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
                                          "readOnlyRootFilesystem": True, "runAsNonRoot": True,
                                          "seccompProfile": {"type": "RuntimeDefault"}})
                        self.assertEqual(container["resources"]["requests"], container["resources"]["limits"])
                        self.assertLessEqual({"cpu", "memory"}, set(container["resources"]["limits"]))
                        self.assertFalse([row for row in container["env"] if re.search("TOKEN|SECRET|PASSWORD|KEY", row["name"])])
                self.assertNotIn("Secret", {manifest["kind"] for manifest in manifests.values()})

    def test_references_lead_somewhere(self):
        for name, _, manifests in self.cases:
            with self.subTest(name):
                names = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests.values()}
                self.assertEqual(len(names), len(manifests))
                for template in templates(manifests):
                    spec = template["spec"]
                    volumes = {volume["name"]: volume for volume in spec["volumes"]}
                    for volume in volumes.values():
                        if "configMap" in volume:
                            self.assertIn(("ConfigMap", volume["configMap"]["name"]), names)
                    if "serviceAccountName" in spec:
                        self.assertIn(("ServiceAccount", spec["serviceAccountName"]), names)
                    for container in spec["containers"]:
                        self.assertEqual({mount["name"] for mount in container["volumeMounts"]}, set(volumes))
                for manifest in manifests.values():
                    if manifest["kind"] == "NetworkPolicy":
                        selector = manifest["spec"]["podSelector"]["matchLabels"].items()
                        for template in templates(manifests):
                            self.assertLessEqual(set(selector), set(template["metadata"]["labels"].items()))

    def test_a_ray_cluster_grows_from_no_worker(self):
        deploy(EXAMPLES[0], "--to", "kuberay", "-o", self.folder / "x")
        cluster = read(self.folder / "x")["50-rayjob.yaml"]["spec"]["rayClusterSpec"]
        self.assertTrue(cluster["enableInTreeAutoscaling"])
        self.assertEqual(cluster["autoscalerOptions"]["version"], "v2")
        self.assertEqual([(group["replicas"], group["minReplicas"]) for group in cluster["workerGroupSpecs"]], [(0, 0)])
        self.assertEqual(cluster["authOptions"], {"mode": "token"})
        self.assertEqual(cluster["headGroupSpec"]["rayStartParams"]["num-cpus"], "0")

    def test_kueue_gets_a_cluster_of_fixed_size(self):
        deploy(EXAMPLES[0], "--to", "kuberay", "-o", self.folder / "x", "--queue", "team-a", "--workers", "3")
        job = read(self.folder / "x")["50-rayjob.yaml"]
        group = job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
        self.assertEqual(job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"], "team-a")
        self.assertTrue(job["spec"]["suspend"] and job["spec"]["shutdownAfterJobFinishes"])
        self.assertNotIn("enableInTreeAutoscaling", job["spec"]["rayClusterSpec"])
        self.assertEqual((group["replicas"], group["minReplicas"], group["maxReplicas"]), (3, 3, 3))

    def test_annotations_give_sizes(self):
        pod = self.gang("--to", "job")["50-job.yaml"]["spec"]["template"]["spec"]["containers"][0]
        # Four members of two cores in one pod; 4 x 3 GB and the program's share.
        self.assertEqual(pod["resources"]["limits"], {"cpu": "8", "memory": "12469Mi", "nvidia.com/gpu": "1"})
        self.assertEqual(pod["args"][pod["args"].index("--workers") + 1], "8")
        self.assertGreaterEqual(int(pod["args"][pod["args"].index("--memory") + 1]), 12_000_000_000)
        groups = self.gang("--to", "kuberay")["50-rayjob.yaml"]["spec"]["rayClusterSpec"]["workerGroupSpecs"]
        self.assertEqual([(group["groupName"], group["maxReplicas"]) for group in groups], [("workers", 8), ("gpu-workers", 2)])
        self.assertEqual([group["template"]["spec"]["containers"][0]["resources"]["limits"] for group in groups],
                         [{"cpu": "2", "memory": "3886Mi"}, {"cpu": "2", "memory": "3886Mi", "nvidia.com/gpu": "1"}])

    def test_a_gang_with_a_command_is_an_indexed_job(self):
        manifests = self.gang("--to", "job", "--command", "train --steps 5")
        spec, service = manifests["50-job.yaml"]["spec"], manifests["40-service.yaml"]
        self.assertEqual((spec["completionMode"], spec["completions"], spec["parallelism"]), ("Indexed", 4, 4))
        self.assertEqual(spec["template"]["spec"]["subdomain"], service["metadata"]["name"])
        environment = {row["name"]: row["value"] for row in spec["template"]["spec"]["containers"][0]["env"]}
        self.assertEqual(environment["HEADRACE_GANG_LEADER"], "gang-of-4-0.gang-of-4")
        for manifest in manifests.values():
            schemas.validate(manifest)

    def test_text_survives_both_versions_of_yaml(self):
        text = GANG.replace("pipeline: Gang_of 4", "# tab\tand \u00fc\npipeline: no\n")
        manifests = self.gang("--to", "job", "--namespace", "on", "--secret", "y", "--image", "yes", text=text)
        self.assertEqual(manifests["20-configmap-pipeline.yaml"]["data"]["pipeline.yaml"], text)
        self.assertEqual(manifests["50-job.yaml"]["metadata"]["namespace"], "on")
        self.assertEqual(manifests["50-job.yaml"]["metadata"]["name"], "no")
        container = manifests["50-job.yaml"]["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual((container["image"], container["envFrom"]), ("yes", [{"secretRef": {"name": "y"}}]))

    def test_dollars_are_not_for_kubernetes(self):
        manifests = self.gang("--to", "job", "--set", "pipeline=$(HOME)")
        arguments = manifests["50-job.yaml"]["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertIn("pipeline=$$(HOME)", arguments)
        script = self.gang("--to", "kuberay", "--set", "pipeline='$(id)'")["20-configmap-pipeline.yaml"]["data"]["run.sh"]
        done = subprocess.run(["bash", "-c", "headrace() { printf '%s\\n' \"$@\"; }\n" + script.removeprefix("exec ")], text=True,
                              capture_output=True, env={"RAY_ADDRESS": "10.0.0.7:6379", "PATH": "/usr/bin:/bin"}, timeout=30)
        words = done.stdout.split("\n")
        self.assertIn("ray://10.0.0.7:6379", words)
        self.assertIn("pipeline='$(id)'", words)

    def test_the_same_input_gives_the_same_bytes(self):
        trees = []
        for name in "ab":
            deploy(EXAMPLES[0], "--to", "kuberay", "-o", self.folder / name)
            trees.append({path.name: path.read_bytes() for path in (self.folder / name).iterdir()})
        self.assertEqual(*trees)

    def test_leaves_foreign_files_and_clears_its_own(self):
        deploy(EXAMPLES[0], "--to", "kuberay", "-o", self.folder / "x")
        (self.folder / "x/notes.yaml").write_text("mine: true\n")
        deploy(EXAMPLES[0], "--to", "job", "-o", self.folder / "x")
        self.assertFalse((self.folder / "x/50-rayjob.yaml").exists())
        self.assertTrue((self.folder / "x/notes.yaml").exists())
        (self.folder / "x/50-job.yaml").write_text("mine: true\n")
        before = (self.folder / "x/10-serviceaccount.yaml").stat().st_mtime_ns
        deploy(EXAMPLES[0], "--to", "job", "-o", self.folder / "x", code=2)
        self.assertEqual((self.folder / "x/50-job.yaml").read_text(), "mine: true\n")
        self.assertEqual((self.folder / "x/10-serviceaccount.yaml").stat().st_mtime_ns, before)
        deploy(EXAMPLES[0], "--to", "job", "-o", self.folder / "x", "--force")
        self.assertEqual(read(self.folder / "x")["50-job.yaml"]["kind"], "Job")


class PodTest(unittest.TestCase):
    """Runs the command of a job on the files of its ConfigMaps, with the folders of the pod below a folder of the test."""

    def run_pod(self, example, *options):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            deploy(SOURCE / "examples" / example / "pipeline.yaml", "--to", "job", "-o", folder / "out", *options)
            manifests = read(folder / "out")
            spec = manifests["50-job.yaml"]["spec"]["template"]["spec"]
            container, volumes = spec["containers"][0], {volume["name"]: volume for volume in spec["volumes"]}
            maps = {manifest["metadata"]["name"]: manifest for manifest in manifests.values() if manifest["kind"] == "ConfigMap"}
            for mount in container["volumeMounts"]:
                place = folder / "pod" / mount["mountPath"].lstrip("/")
                place.mkdir(parents=True)
                source = volumes[mount["name"]].get("configMap")
                if source:
                    held = {key: text.encode() for key, text in maps[source["name"]].get("data", {}).items()}
                    held |= {key: base64.b64decode(text, validate=True) for key, text in maps[source["name"]].get("binaryData", {}).items()}
                    for key, path in [(item["key"], item["path"]) for item in source.get("items", [])] or [(key, key) for key in held]:
                        (place / path).parent.mkdir(parents=True, exist_ok=True)
                        (place / path).write_bytes(held[key])
            inside = re.compile("(?<![\\w/.])(" + "|".join(re.escape(mount["mountPath"]) for mount in container["volumeMounts"]) + ")(?=/)")
            words = [inside.sub(lambda found: f"{folder}/pod{found[0]}", word.replace("$$", "$")) for word in container["args"]]
            self.assertEqual(container["command"], ["headrace"])
            done = subprocess.run([HEADRACE, *words], capture_output=True, text=True, timeout=300, cwd="/",
                                  env={"PATH": "/usr/bin:/bin", "HOME": f"{folder}/pod/tmp", "LC_ALL": "C.UTF-8"})
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)["results"]

    def run_here(self, example, *options):
        done = subprocess.run([HEADRACE, "run", SOURCE / "examples" / example / "pipeline.yaml", "--no-store", "--json", *options],
                              capture_output=True, text=True, timeout=300, check=True)
        return json.loads(done.stdout)["results"]

    def same(self, left, right):
        def table(rows):
            return [{key: value for key, value in row.items() if key not in ("seconds",)} for row in rows]
        self.assertTrue(left)
        self.assertEqual(table(left), table(right))

    def test_gives_the_results_of_this_machine(self):
        self.same(self.run_pod("digits"), self.run_here("digits"))

    def test_hands_changes_and_the_seed_on(self):
        words = ["--set", "evaluate.folds={kind: stratified_shuffle_split, n: 2}", "--seed", "5"]
        self.same(self.run_pod("iris_nca", *words), self.run_here("iris_nca", *words))


if __name__ == "__main__":
    unittest.main()
