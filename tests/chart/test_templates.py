"""The templates with each branch of their values: Helm, kubeconform with strict schemas, pod security, and what they say."""

import json
import os
import re

import kit
import policy
import pytest
import yaml
from matrix import MATRIX, REFUSED

BOTH = pytest.mark.parametrize("name", MATRIX)


@BOTH
def test_lint_has_nothing_to_say(name):
    done = kit.helm("lint", kit.merged(kit.LEAST, MATRIX[name]), "--strict")
    assert done.returncode == 0, done.stdout + done.stderr


@BOTH
def test_every_object_is_what_kubernetes_and_the_operators_take(name):
    schemas = os.path.join(kit.TOOLS, "schemas", "{{.ResourceKind}}{{.KindSuffix}}.json")
    done = kit.tool("kubeconform", "-strict", "-summary", "-output", "json", "-schema-location", schemas, stdin=kit.rendered(MATRIX[name]))
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert summary["valid"] == len(kit.objects(MATRIX[name])) and not summary["skipped"], summary


def test_a_misspelt_field_is_refused_by_the_schemas():
    schemas = os.path.join(kit.TOOLS, "schemas", "{{.ResourceKind}}{{.KindSuffix}}.json")
    text = kit.rendered({"keda": {"enabled": True}, "podMonitor": {"enabled": True}})
    for right, wrong in (("maxReplicaCount", "maxReplicaCounts"), ("podMetricsEndpoints", "podMetricEndpoints"),
                         ("automountServiceAccountToken: false\n      enable", "automountServiceAccountTokens: false\n      enable"),
                         ("unhealthyPodEvictionPolicy", "unhealthyPodEviction")):
        assert right in text
        done = kit.tool("kubeconform", "-strict", "-schema-location", schemas, stdin=text.replace(right, wrong))
        assert done.returncode != 0, wrong


@BOTH
def test_pods_are_restricted(name):
    pods = [policy.pod_of(thing) for thing in kit.objects(MATRIX[name])]
    pods = [pod for pod in pods if pod]
    assert pods
    assert [message for pod in pods for message in (*policy.restricted(pod), *policy.ours(pod))] == []


@BOTH
def test_selectors_select_the_workers_and_nothing_else(name):
    things = kit.objects(MATRIX[name])
    workload = next(thing for thing in things if thing["kind"] in ("Deployment", "StatefulSet"))
    labels = workload["spec"]["template"]["metadata"]["labels"]
    for thing in things:
        spec = thing.get("spec") or {}
        wanted = (spec.get("selector") or spec.get("podSelector") or {})
        wanted = wanted.get("matchLabels", wanted)
        assert wanted.items() <= labels.items(), thing["metadata"]["name"]
        if thing["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget", "PodMonitor", "Service"):
            assert wanted.get("app.kubernetes.io/component") == "worker"
        target = spec.get("scaleTargetRef")
        if target:
            assert (target["kind"], target["name"]) == (workload["kind"], workload["metadata"]["name"])


@BOTH
def test_who_stops_has_the_time_that_its_settings_promise(name):
    things = kit.objects(MATRIX[name])
    workload = next(thing for thing in things if thing["kind"] in ("Deployment", "StatefulSet"))
    config = yaml.safe_load(kit.one(things, "ConfigMap", workload["metadata"]["name"])["data"]["admitone.yaml"])
    assert config["shutdown"]["grace"] == "25s"
    assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 25


def test_a_grace_of_exactly_the_settings_is_taken():
    kit.rendered({"terminationGracePeriodSeconds": 25})
    kit.rendered({"config": {"shutdown": {"grace": "2m"}}, "terminationGracePeriodSeconds": 120})


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_go_together_is_refused_with_the_reason(name):
    values, words = REFUSED[name]
    assert words in kit.refusal(values)


# --- each branch, on and off ---------------------------------------------------------------------------------------

KINDS = {  # kind: rows of the matrix in which it is there
    "StatefulSet": {"stateful", "static members", "keda of a stateful set"},
    "Service": {"stateful", "static members", "keda of a stateful set"},
    "ScaledObject": {"keda", "keda of brokers with a login", "keda of brokers with certificates", "keda with sagas",
                     "keda with sagas and a secret of its own", "keda of a stateful set"},
    "TriggerAuthentication": {"keda with sagas", "keda with sagas and a secret of its own"},
    "HorizontalPodAutoscaler": {"hpa"},
    "PodMonitor": {"scrapes", "alerts"},
    "PrometheusRule": {"alerts"},
    "Job": set(MATRIX) - {"migrations in each pod", "migrations in each pod, with a wallet", "migrations by hand"},
    "PodDisruptionBudget": set(MATRIX) - {"no disruption budget"},
    "NetworkPolicy": set(MATRIX) - {"no network policy"},
    "ServiceAccount": set(MATRIX) - {"an account that exists", "the default account"},
    "Deployment": set(MATRIX) - {"stateful", "static members", "keda of a stateful set"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_there_when_its_value_says_so_and_only_then(kind):
    assert {name for name in MATRIX if kit.has(kit.objects(MATRIX[name]), kind)} == KINDS[kind]


def leaves(tree, path=()):
    """Paths of the values; what is a free-form map or list is one value."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


# Numbers and names that no branch depends on.
PLAIN = {("replicas",), ("startupSeconds",), ("image", "tag"), ("image", "pullPolicy"), ("http", "host"), ("http", "port"),
         ("migration", "activeDeadlineSeconds"), ("migration", "serviceAccountName"), ("podMonitor", "interval"),
         ("terminationGracePeriodSeconds",), ("keda", "excludePersistentLag")}
PLAIN_BELOW = {("resources",), ("migration", "resources"), ("podSecurityContext",), ("hpa", "behavior"), ("keda", "behavior"), ("dashboard", "labels"),
               ("config", "log"), ("config", "kafka", "group_id"), ("config", "shutdown")}
PLAIN_NAMES = {"key", "urlKey", "rpcUrlKey", "walletKey", "minReplicas", "maxReplicas", "pollingInterval", "lagThreshold", "threshold",
               "targetCPUUtilization", "ports", "files"}


def test_the_matrix_forgets_no_value():
    with open(os.path.join(kit.CHART, "values.yaml"), encoding="utf-8") as file:
        values = set(leaves(yaml.safe_load(file)))
    touched = set()
    for layer in (kit.LEAST, *MATRIX.values()):
        for path in leaves(layer):
            touched.update(path[:length] for length in range(1, len(path) + 1))
    left = {path for path in values - touched - PLAIN
            if path[-1] not in PLAIN_NAMES and not any(path[:len(head)] == head for head in PLAIN_BELOW)}
    assert left == set()


# --- what they say -------------------------------------------------------------------------------------------------


def worker(things):
    workload = next(thing for thing in things if thing["kind"] in ("Deployment", "StatefulSet"))
    return workload["spec"]["template"]["spec"]["containers"][0]


def variables(container):
    return {variable["name"]: variable.get("value") for variable in container.get("env") or []}


def test_the_owners_connection_reaches_no_worker_unless_it_migrates():
    for name, values in MATRIX.items():
        things = kit.objects(values)
        pod = next(policy.pod_of(thing) for thing in things if thing["kind"] in ("Deployment", "StatefulSet"))
        assert "owner" not in {mount["name"] for mount in worker(things)["volumeMounts"]}, name
        has_volume = any(volume["name"] == "owner" for volume in pod["volumes"])
        assert has_volume == name.startswith("migrations in each pod"), name


def test_every_secret_is_a_file_that_is_mounted():
    things = kit.objects(MATRIX["all secrets"])
    pod = policy.pod_of(kit.one(things, "Deployment"))
    files = set()
    for mount in worker(things)["volumeMounts"]:
        volume = next(volume for volume in pod["volumes"] if volume["name"] == mount["name"])
        for item in volume.get("secret", {}).get("items", []):
            files.add(f"{mount['mountPath']}/{item['path']}")
    named = {value for name, value in variables(worker(things)).items() if name.endswith("_FILE")} - {"/run/wallet/wallet.json"}
    assert named and named <= files
    config = yaml.safe_load(kit.one(things, "ConfigMap")["data"]["admitone.yaml"])
    assert config["kafka"]["option_files"] == {"sasl.password": "/etc/admitone/secrets/kafka/password"}
    assert set(config["kafka"]["option_files"].values()) <= files
    assert "/etc/admitone/secrets/kafka/ca.crt" in files


def test_what_brokers_want_to_see_is_a_file_that_is_mounted():
    variables_of = {}
    for name in ("login and certificate for brokers", "tokens that are fetched for brokers", "tokens that others renew for brokers"):
        things = kit.objects(MATRIX[name])
        volume = next(volume for volume in policy.pod_of(kit.one(things, "Deployment"))["volumes"] if volume["name"] == "kafka")
        mounted = {item["path"] for item in volume["secret"]["items"]}
        for variable, path in variables(worker(things)).items():
            if variable.startswith("ADMITONE_KAFKA_"):
                assert path.rpartition("/")[2] in mounted, variable
                variables_of[variable] = path
    assert variables_of == {f"ADMITONE_KAFKA_{variable}_FILE": f"/etc/admitone/secrets/kafka/{key}" for variable, key in (
        ("SASL_PASSWORD", "password"), ("CLIENT_CERTIFICATE", "tls.crt"), ("CLIENT_KEY", "tls.key"),
        ("CLIENT_KEY_PASSWORD", "key-password"), ("CA", "ca.crt"), ("OAUTH_CLIENT_SECRET", "secret"), ("OAUTH_TOKEN", "token"))}


def test_a_changed_setting_restarts_the_pods():
    def checksum(values):
        return kit.one(kit.objects(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    assert checksum({}) == checksum({"replicas": 5})
    assert checksum({}) != checksum({"config": {"worker": {"pipelines": 4}}})


def test_large_numbers_stay_numbers():
    things = kit.objects({"config": {"worker": {"batch_bytes": 16777216}}})
    assert yaml.safe_load(kit.one(things, "ConfigMap")["data"]["admitone.yaml"])["worker"]["batch_bytes"] == 16777216
    assert "16777216" in kit.one(things, "ConfigMap")["data"]["admitone.yaml"]


def test_a_static_member_is_called_as_its_pod():
    env = {variable["name"]: variable for variable in worker(kit.objects(MATRIX["static members"]))["env"]}
    assert env["ADMITONE_KAFKA_OPTIONS__GROUP_INSTANCE_ID"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert "ADMITONE_KAFKA_OPTIONS__GROUP_INSTANCE_ID" not in variables(worker(kit.objects(MATRIX["stateful"])))


def test_an_autoscaler_alone_decides_how_many():
    for name in MATRIX:
        things = kit.objects(MATRIX[name])
        workload = next(thing for thing in things if thing["kind"] in ("Deployment", "StatefulSet"))
        scaled = kit.has(things, "ScaledObject") or kit.has(things, "HorizontalPodAutoscaler")
        assert ("replicas" in workload["spec"]) != scaled, name


def test_keda_looks_at_every_command_topic_and_at_sagas():
    triggers = kit.one(kit.objects(MATRIX["keda"]), "ScaledObject")["spec"]["triggers"]
    assert [trigger["metadata"]["topic"] for trigger in triggers] == ["a", "b"]
    assert all(isinstance(value, str) for trigger in triggers for value in trigger["metadata"].values())
    sagas = kit.one(kit.objects(MATRIX["keda with sagas"]), "ScaledObject")["spec"]["triggers"][-1]
    assert sagas["type"] == "postgresql" and "admitone.saga_log" in sagas["metadata"]["query"]


def test_the_migration_before_an_install_needs_nothing_of_the_release():
    job = kit.one(kit.objects(MATRIX["settings of the database"]), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = policy.pod_of(job)
    assert all("configMap" not in volume for volume in pod["volumes"]) and pod["serviceAccountName"] == "default"
    assert variables(pod["containers"][0])["ADMITONE_DATABASE_SCHEMA"] == "tickets"
    assert variables(pod["containers"][0])["ADMITONE_DATABASE_LOCK_TIMEOUT"] == "5s"


def test_the_network_is_open_to_what_is_needed_only():
    def ports(values):
        spec = kit.one(kit.objects(values), "NetworkPolicy")["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        return {port["port"] for rule in spec["egress"] for port in rule["ports"]}
    assert ports({}) == {53, 9092, 9093, 5432}
    assert ports(MATRIX["all secrets"]) == {53, 9092, 9093, 5432, 6379, 6380, 443}
    narrow = kit.one(kit.objects(MATRIX["narrow network policy"]), "NetworkPolicy")["spec"]
    assert all("to" in rule for rule in narrow["egress"][:-1]) and "from" in narrow["ingress"][0]


def test_the_rules_look_at_this_release_and_leave_out_what_is_switched_off():
    text = kit.rendered(MATRIX["alerts"])
    rule = kit.one([thing for thing in yaml.safe_load_all(text) if thing], "PrometheusRule")
    rules = [each for group in rule["spec"]["groups"] for each in group["rules"]]
    assert "AdmitOneClockDrift" not in {each["alert"] for each in rules} and "More" in {each["alert"] for each in rules}
    ours = [each for each in rules if each["alert"].startswith("AdmitOne")]
    with open(os.path.join(kit.CHART, "files/alerts.yaml"), encoding="utf-8") as file:
        all_of_them = [each for group in yaml.safe_load(file)["groups"] for each in group["rules"]]
    assert len(ours) == len(all_of_them) - 1
    for each in ours:
        assert 'job="tickets/one-admitone"' in each["expr"] and "job=~" not in each["expr"]
        assert each["annotations"]["runbook_url"].startswith("https://runbooks.internal/")


def test_the_dashboard_is_the_file():
    boards = kit.one(kit.objects(MATRIX["dashboard"]), "ConfigMap", "-dashboard")
    with open(os.path.join(kit.CHART, "files/dashboard.json"), encoding="utf-8") as file:
        assert json.loads(boards["data"]["admitone.json"]) == json.load(file)


def test_names_fit_whatever_the_release_is_called():
    long = "a" * 53
    done = kit.tool("helm", "template", long, kit.CHART, "--kube-version", kit.KUBERNETES, "--values", "-", stdin=yaml.safe_dump(kit.merged(kit.LEAST, MATRIX["keda with sagas"])))
    assert done.returncode == 0, done.stderr
    for thing in filter(None, yaml.safe_load_all(done.stdout)):
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", thing["metadata"]["name"])
