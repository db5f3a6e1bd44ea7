"""Shows that policy.py can fail: each change of a good pod is told."""

import copy

import policy
import pytest

GOOD = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
    "initContainers": [],
    "containers": [{
        "name": "c",
        "image": "i:1",
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": 1, "memory": 1}, "limits": {"memory": 1}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "ports": [{"containerPort": 1}],
        "env": [{"name": "A", "value": "b"}],
    }],
}

RESTRICTED = [
    ("hostNetwork", True), ("hostPID", True), ("hostIPC", True),
    ("volumes", [{"name": "v", "hostPath": {"path": "/"}}]),
    ("securityContext.sysctls", [{"name": "a"}]),
    ("securityContext.runAsNonRoot", False), ("securityContext.runAsUser", 0), ("securityContext.seccompProfile", None),
    ("securityContext.seccompProfile", {"type": "Unconfined"}),
    ("containers.0.securityContext", None), ("containers.0.securityContext.privileged", True),
    ("containers.0.securityContext.allowPrivilegeEscalation", None), ("containers.0.securityContext.runAsUser", 0),
    ("containers.0.securityContext.runAsNonRoot", False), ("containers.0.securityContext.capabilities", {}),
    ("containers.0.securityContext.capabilities.add", ["NET_ADMIN"]), ("containers.0.securityContext.procMount", "Unmasked"),
    ("containers.0.ports.0.hostPort", 80), ("initContainers", [{"name": "i"}]),
]
OURS = [
    ("automountServiceAccountToken", None), ("enableServiceLinks", True),
    ("containers.0.securityContext.readOnlyRootFilesystem", False), ("containers.0.resources", {}),
    ("containers.0.resources.limits", {}), ("containers.0.image", "i:latest"), ("containers.0.image", "i"),
    ("containers.0.env.0", {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}), ("volumes", []),
]


def changed(path, value):
    pod = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    here = pod
    for step in way:
        here = here[int(step)] if step.isdigit() else here[step]
    here[int(last) if last.isdigit() else last] = value
    return pod


def test_a_good_pod_is_fine():
    assert [*policy.restricted(GOOD), *policy.ours(GOOD)] == []


@pytest.mark.parametrize("path, value", RESTRICTED)
def test_what_restricted_refuses_is_told(path, value):
    assert list(policy.restricted(changed(path, value)))


@pytest.mark.parametrize("path, value", OURS)
def test_what_we_ask_beyond_it_is_told(path, value):
    assert list(policy.ours(changed(path, value)))


def test_pods_are_found_in_whatever_holds_them():
    assert policy.pod_of({"kind": "Pod", "spec": GOOD}) == GOOD
    assert policy.pod_of({"kind": "Job", "spec": {"template": {"spec": GOOD}}}) == GOOD
    assert policy.pod_of({"kind": "ConfigMap", "data": {}}) is None
