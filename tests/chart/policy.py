"""What Kubernetes' pod security level "restricted" asks of a pod, and what we ask beside it. Written from the published
profile; every rule looks at the rendered objects only."""

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
PROFILES = {"RuntimeDefault", "Localhost"}


def pod_of(thing):
    """The pod specification in an object, if there is one."""
    spec = thing.get("spec") or {}
    if thing.get("kind") == "Pod":
        return spec
    return (spec.get("template") or {}).get("spec")


def containers(pod):
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod.get(key) or []:
            yield container


def restricted(pod):
    """Messages of what "restricted" refuses."""
    everywhere = pod.get("securityContext") or {}
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{key} is set"
    for volume in pod.get("volumes") or []:
        for kind in set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {kind}"
    if everywhere.get("sysctls"):
        yield "sysctls are set"
    if everywhere.get("runAsUser") == 0:
        yield "the pod runs as root"
    for container in containers(pod):
        own, name = container.get("securityContext") or {}, container["name"]
        if own.get("privileged"):
            yield f"{name} is privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may escalate privileges"
        if own.get("runAsNonRoot", everywhere.get("runAsNonRoot")) is not True:
            yield f"{name} does not have to be another user than root"
        if own.get("runAsUser", everywhere.get("runAsUser")) == 0:
            yield f"{name} runs as root"
        if (own.get("seccompProfile") or everywhere.get("seccompProfile") or {}).get("type") not in PROFILES:
            yield f"{name} has no seccomp profile"
        capabilities = own.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or []):
            yield f"{name} does not drop all capabilities"
        if set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
            yield f"{name} adds capabilities"
        if own.get("procMount", "Default") != "Default":
            yield f"{name} mounts proc otherwise"
        if any(port.get("hostPort") for port in container.get("ports") or []):
            yield f"{name} takes a port of the host"


def ours(pod):
    """What we ask beyond it: a root that cannot be written, bounds, no token, no secret in a variable."""
    if pod.get("automountServiceAccountToken") is not False:
        yield "mounts the service account's token"
    if pod.get("enableServiceLinks") is not False:
        yield "gets variables of the services beside it"
    for container in containers(pod):
        name, resources = container["name"], container.get("resources") or {}
        if (container.get("securityContext") or {}).get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write to its root"
        if not {"cpu", "memory"} <= set(resources.get("requests") or {}) or "memory" not in (resources.get("limits") or {}):
            yield f"{name} has no requests, or no limit of memory"
        if container["image"].endswith(":latest") or ":" not in container["image"]:
            yield f"{name} has an image without a version"
        for variable in container.get("env") or []:
            if "secretKeyRef" in (variable.get("valueFrom") or {}):
                yield f"{name} has the secret {variable['name']} in a variable"
        mounted = {mount["name"] for mount in container.get("volumeMounts") or []}
        for missing in mounted - {volume["name"] for volume in pod.get("volumes") or []}:
            yield f"{name} mounts {missing}, which is no volume of the pod"
