//! The restricted profile of Pod Security, and what we promise beyond it.

use serde_json::{Value, json};

use super::Breaches;
use crate::objects::{Objects, Workload, list, map, text};

/// Kernel settings a pod of the restricted profile may have, from Kubernetes 1.29 on.
const SAFE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];

/// Kinds of volumes it allows, as far as they are used here.
const VOLUMES: [&str; 6] = [
    "configMap",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The user of the image.
const USER: u64 = 65532;

pub(super) fn namespace(objects: &Objects, breaches: &mut Breaches) {
    for namespace in objects.of("Namespace") {
        for mode in ["enforce", "audit", "warn"] {
            let level = text(
                namespace,
                &format!("/metadata/labels/pod-security.kubernetes.io~1{mode}"),
            );
            breaches.unless(level == "restricted", || {
                format!("the namespace's {mode} is `{level}`, not restricted")
            });
        }
    }
    for account in objects.of("ServiceAccount") {
        breaches.unless(account["automountServiceAccountToken"] == false, || {
            "the ServiceAccount hands out its token".to_owned()
        });
    }
}

pub(super) fn pods(objects: &Objects, breaches: &mut Breaches) {
    for workload in objects.workloads() {
        let spec = &workload.template["spec"];
        let mut unless =
            |holds: bool, what: &str| breaches.unless(holds, || format!("{}: {what}", workload.title()));
        unless(
            spec["automountServiceAccountToken"] == false,
            "the pod is given a token it has no use for",
        );
        for shared in ["hostNetwork", "hostPID", "hostIPC"] {
            unless(
                spec.get(shared).is_none_or(|value| value == false),
                "the pod shares what is the node's",
            );
        }
        let security = &spec["securityContext"];
        unless(security["runAsNonRoot"] == true, "the pod may run as root");
        unless(
            security["runAsUser"] == USER && security["fsGroup"] == USER,
            "the pod's user is not the image's",
        );
        unless(
            security["seccompProfile"]["type"] == "RuntimeDefault",
            "system calls are not filtered",
        );
        for sysctl in list(security, "/sysctls") {
            unless(
                SAFE_SYSCTLS.contains(&text(sysctl, "/name")),
                "a sysctl is not among the safe ones",
            );
        }
        for volume in list(spec, "/volumes") {
            let kinds = map(volume, "").into_iter().flat_map(|volume| volume.keys());
            let is_allowed = kinds
                .filter(|kind| *kind != "name")
                .all(|kind| VOLUMES.contains(&kind.as_str()));
            unless(is_allowed, "a volume is of a kind the profile forbids");
            let mode = volume.pointer("/secret/defaultMode").and_then(Value::as_u64);
            // 0440 at most; written in octal it would be another number where YAML 1.2 is read.
            let is_private =
                volume.get("secret").is_none() || mode.is_some_and(|mode| mode & !0o440 == 0 && mode > 0);
            unless(is_private, "a Secret's files are readable by others");
        }
        for container in workload.containers() {
            container_fits(&workload, container, breaches);
        }
    }
}

fn container_fits(workload: &Workload<'_>, container: &Value, breaches: &mut Breaches) {
    let mut unless =
        |holds: bool, what: &str| breaches.unless(holds, || format!("{}: {what}", workload.title()));
    let security = &container["securityContext"];
    unless(
        security["allowPrivilegeEscalation"] == false,
        "the container may gain privileges",
    );
    unless(
        security["readOnlyRootFilesystem"] == true,
        "the container may write into its image",
    );
    unless(
        security.get("privileged").is_none_or(|value| value == false),
        "the container is privileged",
    );
    unless(
        security["capabilities"]["drop"] == json!(["ALL"]),
        "the container keeps capabilities",
    );
    unless(
        security["capabilities"].get("add").is_none(),
        "the container is given capabilities",
    );
    for port in list(container, "/ports") {
        unless(port.get("hostPort").is_none(), "a port is the node's");
    }
    for variable in list(container, "/env") {
        let is_secret = ["KATYDID_TOKEN", "KATYDID_INSECURE"].contains(&text(variable, "/name"));
        unless(
            !is_secret,
            "a token belongs into a file, and trust is not for everybody who can connect",
        );
    }
}
