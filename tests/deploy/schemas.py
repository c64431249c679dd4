# SPDX-License-Identifier: Apache-2.0
"""Schemas that manifests are held against: core kinds from the package kubernetes-validate, others from definitions of custom resources."""

import functools
import gzip
import os
import pathlib

import jsonschema
import kubernetes_validate
import yaml

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
FOLDER = SOURCE.parent / "shared/schemas"
FILES = {("ray.io", "RayJob"): "kuberay/ray.io_rayjobs.yaml.gz",
         ("serving.knative.dev", "Service"): "knative/serving.knative.dev_services.yaml.gz",
         ("kueue.x-k8s.io", "ClusterQueue"): "kueue/kueue.x-k8s.io_clusterqueues.yaml.gz",
         ("kueue.x-k8s.io", "LocalQueue"): "kueue/kueue.x-k8s.io_localqueues.yaml.gz",
         ("kueue.x-k8s.io", "ResourceFlavor"): "kueue/kueue.x-k8s.io_resourceflavors.yaml.gz"}
# The oldest Kubernetes that podFailurePolicy is stable in, and the newest that the package knows.
VERSIONS = ["1.31", kubernetes_validate.latest_version()]


def closed(schema):
    """The schema with unknown fields refused where the API server would drop them."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: {name: closed(inner) for name, inner in value.items()} if key == "properties" else closed(value)
           for key, value in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
        out.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    return out


@functools.cache
def custom(group, kind, version):
    definition = yaml.safe_load(gzip.decompress((FOLDER / FILES[group, kind]).read_bytes()))
    for row in definition["spec"]["versions"]:
        if row["name"] == version and row["served"] and not row.get("deprecated"):
            schema = closed(row["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            return jsonschema.Draft7Validator(schema)
    raise LookupError(f"{group} serves no {kind} of version {version}")


def is_custom(manifest):
    return (manifest["apiVersion"].split("/")[0], manifest["kind"]) in FILES


def validate(manifest):
    """Raises when a schema refuses the manifest."""
    if is_custom(manifest):
        group, version = manifest["apiVersion"].split("/")
        custom(group, manifest["kind"], version).validate(manifest)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)
