//! The lint notices: each rule is broken once, in an overlay that keeps them all.
//!
//! A line of a table is a part of what must be said, whose object it is, what is changed in it, and the new value as JSON;
//! `null` takes the thing away.

use anyhow::{Context, Result, bail};
use katydid_testkit::Kustomize;
use serde_json::Value;

use crate::lint::lint;
use crate::objects::Objects;

/// Short words for long ways.
const WAYS: [(&str, &str); 3] = [
    ("CONTAINER", "/spec/template/spec/containers/0"),
    ("POD", "/spec/template/spec"),
    ("TRIGGER", "/spec/triggers/0/metadata"),
];

/// Puts `value` at `path` of the object `whom`; `null` takes away what is there.
fn broken(objects: &mut Objects, whom: &str, path: &str, value: Value) -> Result<()> {
    let (kind, name) = whom.split_once(' ').context("kind and name")?;
    let (parent, last) = path.rsplit_once('/').context("a pointer")?;
    let parent = objects
        .find_mut(kind, name)?
        .pointer_mut(parent)
        .with_context(|| format!("there is no {parent}"))?;
    let last = last.replace("~1", "/");
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(&last).context("nothing to take away")?),
        (Value::Object(map), value) => drop(map.insert(last, value)),
        (Value::Array(list), Value::Null) => drop(list.remove(last.parse()?)),
        (Value::Array(list), value) => *list.get_mut(last.parse::<usize>()?).context("no such item")? = value,
        _ => bail!("{path} leads into nothing"),
    }
    Ok(())
}

fn each_is_noticed(overlay: &str, components: &[&str], table: &str) -> Result<()> {
    let Some(kustomize) = Kustomize::find()? else {
        return Ok(());
    };
    let whole = Objects(kustomize.combine(overlay, components)?);
    assert_eq!(lint(&whole), Vec::<String>::new(), "before anything is broken");
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [said, whom, path, value] = cells[..] else {
            bail!("not four cells: {line}");
        };
        let path = WAYS
            .iter()
            .fold(path.to_owned(), |path, (short, long)| path.replace(short, long));
        let value = serde_json::from_str(value).with_context(|| line.to_owned())?;
        let mut objects = whole.clone();
        broken(&mut objects, whom, &path, value).with_context(|| line.to_owned())?;
        let found = lint(&objects);
        assert!(
            found.iter().any(|breach| breach.contains(said)),
            "{line}: nobody said so, only {found:#?}"
        );
    }
    Ok(())
}

#[test]
fn names_and_selectors() -> Result<()> {
    each_is_noticed(
        "prod",
        &["ingress", "prometheus-operator"],
        r#"
            is in `elsewhere` | ServiceAccount katydid | /metadata/namespace | "elsewhere"
            no RFC 1123 subdomain | ResourceQuota katydid | /metadata/name | "Katydid_Quota"
            no RFC 1123 label | Service katydid-master | /metadata/name | "katydid.master"
            is of no namespace | PriorityClass katydid-load | /metadata/namespace | "katydid"
            is there twice | Service katydid-master-grpc | /metadata/name | "katydid-master"
            there is no component `wroker` | Service katydid-master | /metadata/labels/app.kubernetes.io~1component | "wroker"
            does not select its own pods | Deployment katydid-worker | /spec/selector/matchLabels/app.kubernetes.io~1component | "workers"
            spreads pods that are not its own | Deployment katydid-worker | POD/topologySpreadConstraints/0/labelSelector/matchLabels | {"app": "x"}
            Service katydid-master selects nobody | Service katydid-master | /spec/selector/app.kubernetes.io~1name | "x"
            PodDisruptionBudget katydid-worker selects nobody | PodDisruptionBudget katydid-worker | /spec/selector/matchLabels | {"app": "x"}
            NetworkPolicy katydid-worker selects nobody | NetworkPolicy katydid-worker | /spec/podSelector/matchLabels | {"app": "x"}
            lets nobody | NetworkPolicy katydid-worker | /spec/egress/0/to/0/podSelector/matchLabels | {"app": "x"}
            rules of a type it does not name | NetworkPolicy katydid-worker | /spec/policyTypes | ["Ingress"]
            denies everything | NetworkPolicy katydid-default-deny | /spec/policyTypes | ["Ingress"]
            there is not one master | Deployment katydid-master | /spec/template/metadata/labels/app.kubernetes.io~1component | "worker"
        "#,
    )
}

#[test]
fn ports() -> Result<()> {
    each_is_noticed(
        "prod",
        &["ingress", "prometheus-operator", "tls"],
        r#"
            has no port "htpp" | Service katydid-master | /spec/ports/0/targetPort | "htpp"
            has no port "grpc" | Deployment katydid-master | CONTAINER/ports/1/name | "rpc"
            asks at "web" | Deployment katydid-master | CONTAINER/livenessProbe/httpGet/port | "web"
            the port "grpc" is nobody's | Deployment katydid-master | CONTAINER/ports/1 | null
            leads to no port | Ingress katydid | /spec/rules/0/http/paths/0/backend/service/port/name | "web"
            leads to no port | Ingress katydid | /spec/rules/0/http/paths/0/backend/service/name | "katydid"
            finds 0 ports | ServiceMonitor katydid-master | /spec/endpoints/0/port | "metrics"
            has no port "http" | PodMonitor katydid-worker | /spec/podMetricsEndpoints/0/port | "http"
            PodMonitor katydid-worker selects nobody | PodMonitor katydid-worker | /spec/selector/matchLabels | {"app": "x"}
            looks into another namespace | PodMonitor katydid-worker | /spec/namespaceSelector/matchNames/0 | "x"
            no NetworkPolicy lets Prometheus | NetworkPolicy katydid-metrics-worker | /spec/ingress/0/from | []
        "#,
    )
}

#[test]
fn references() -> Result<()> {
    each_is_noticed(
        "prod",
        &["ingress", "tls"],
        r#"
            no ServiceAccount `katydids` | Deployment katydid-worker | POD/serviceAccountName | "katydids"
            no PriorityClass `high` | Deployment katydid-worker | POD/priorityClassName | "high"
            no ConfigMap `settings` | Deployment katydid-master | CONTAINER/envFrom/0/configMapRef/name | "settings"
            nobody makes the Secret `katydid-scenario-secrets` | Deployment katydid-worker | CONTAINER/envFrom/0/secretRef/optional | false
            nobody makes the Secret `auth` | Deployment katydid-worker | POD/volumes/1/secret/secretName | "auth"
            nobody makes the Secret `page` | Ingress katydid | /spec/tls/0/secretName | "page"
            no Issuer `x` | Certificate katydid-master | /spec/issuerRef/name | "x"
            nobody makes the Secret `ca` | Issuer katydid-fleet | /spec/ca/secretName | "ca"
            no container `x` | Deployment katydid-worker | CONTAINER/env/8/valueFrom/resourceFieldRef/containerName | "x"
            no PersistentVolumeClaim `x` | Deployment katydid-master | POD/volumes/1/persistentVolumeClaim/claimName | "x"
            has 2 sources | Deployment katydid-master | POD/volumes/1/emptyDir | {"sizeLimit": "1Gi"}
            mounted without being declared | Deployment katydid-master | POD/volumes/1 | null
            KATYDID_JOURNAL is /var/lib/katydid/run.journal | Deployment katydid-master | CONTAINER/volumeMounts/3/mountPath | "/data"
            KATYDID_JOURNAL is | Deployment katydid-master | CONTAINER/volumeMounts/3/readOnly | true
        "#,
    )
}

#[test]
fn keys_of_secrets() -> Result<()> {
    each_is_noticed(
        "dev",
        &[],
        r#"
            has no `tokem` | Deployment katydid-worker | POD/volumes/0/secret/items/0/key | "tokem"
        "#,
    )
}

#[test]
fn probes_times_and_resources() -> Result<()> {
    each_is_noticed(
        "prod",
        &[],
        r#"
            has no readinessProbe | Deployment katydid-master | CONTAINER/readinessProbe | null
            has 2 handlers | Deployment katydid-master | CONTAINER/livenessProbe/tcpSocket | {"port": 8089}
            needs a shell | Deployment katydid-master | CONTAINER/livenessProbe | {"exec": {"command": ["true"]}}
            asks for "/readyz" | Deployment katydid-master | CONTAINER/readinessProbe/httpGet/path | "/readyz"
            is no quantity | Deployment katydid-worker | CONTAINER/resources/limits/cpu | "banana"
            the request "512Mi" is not the limit "1Gi" | Deployment katydid-worker | CONTAINER/resources/limits/memory | "1Gi"
            may fill the node | Deployment katydid-worker | POD/volumes/1/emptyDir | {}
            killed after 60 s, but leaving may take 60 s | Deployment katydid-worker | POD/terminationGracePeriodSeconds | 60
            killed after 70 s, but leaving may take 90 s | Deployment katydid-worker | CONTAINER/env/2/value | "1m30s"
            a time that is none | Deployment katydid-worker | CONTAINER/env/2/value | "soon"
            killed after 30 s, but leaving may take 25 s | Deployment katydid-master | POD/terminationGracePeriodSeconds | null
            may be another one tomorrow | Deployment katydid-worker | CONTAINER/image | "katydid:latest"
            may be another one tomorrow | Deployment katydid-worker | CONTAINER/image | "registry:5000/katydid"
            they refuse each other | Deployment katydid-worker | CONTAINER/image | "katydid:0.0.9"
            is not told --worker | Deployment katydid-worker | CONTAINER/args | ["--master"]
            a command takes the place | Deployment katydid-worker | CONTAINER/command | ["sh"]
            variables of services | Deployment katydid-worker | POD/enableServiceLinks | null
        "#,
    )
}

#[test]
fn scaling() -> Result<()> {
    each_is_noticed(
        "prod",
        &[],
        r#"
            says replicas although | Deployment katydid-worker | /spec/replicas | 3
            nobody says how many | HorizontalPodAutoscaler katydid-worker | /spec/scaleTargetRef/name | "worker"
            which is not there | HorizontalPodAutoscaler katydid-worker | /spec/scaleTargetRef/name | "worker"
            no container `katydid` | HorizontalPodAutoscaler katydid-worker | /spec/metrics/0/containerResource/container | "katydid"
            is no range | HorizontalPodAutoscaler katydid-worker | /spec/minReplicas | 20
            there must be one master | Deployment katydid-master | /spec/replicas | 2
            never two at a time | Deployment katydid-master | /spec/strategy/type | "RollingUpdate"
            no node can be drained | PodDisruptionBudget katydid-worker | /spec | {"minAvailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/component": "worker"}}}
            one of two numbers | PodDisruptionBudget katydid-worker | /spec/minAvailable | 1
            workers may leave at any time | PodDisruptionBudget katydid-worker | /spec/maxUnavailable | 0
            requests.cpu is "25", but 26 may be needed | ResourceQuota katydid | /spec/hard/requests.cpu | "25"
            pods is "25", but 26 may be needed | ResourceQuota katydid | /spec/hard/pods | "25"
        "#,
    )
}

#[test]
fn scaling_by_keda() -> Result<()> {
    each_is_noticed(
        "dev",
        &["keda-prometheus"],
        r#"
            KEDA takes texts only | ScaledObject katydid-worker | TRIGGER/threshold | 1000
            numbers of other namespaces | ScaledObject katydid-worker | TRIGGER/query | "max(katydid_target_users)"
            idle is not less | ScaledObject katydid-worker | /spec/idleReplicaCount | 1
        "#,
    )?;
    each_is_noticed(
        "dev",
        &["keda-external"],
        r#"
            nothing is at katydid-master-grpc.katydid:5558 | ScaledObject katydid-worker | TRIGGER/scalerAddress | "katydid-master-grpc.katydid:5558"
            nothing is at master.katydid:5557 | ScaledObject katydid-worker | TRIGGER/scalerAddress | "master.katydid:5557"
            is in another namespace | ScaledObject katydid-worker | TRIGGER/scalerAddress | "katydid-master-grpc:5557"
        "#,
    )
}

#[test]
fn security() -> Result<()> {
    each_is_noticed(
        "prod",
        &[],
        r#"
            enforce is `baseline` | Namespace katydid | /metadata/labels/pod-security.kubernetes.io~1enforce | "baseline"
            hands out its token | ServiceAccount katydid | /automountServiceAccountToken | null
            no use for | Deployment katydid-worker | POD/automountServiceAccountToken | true
            shares what is the node's | Deployment katydid-worker | POD/hostNetwork | true
            may run as root | Deployment katydid-worker | POD/securityContext/runAsNonRoot | null
            not the image's | Deployment katydid-worker | POD/securityContext/runAsUser | 1000
            not filtered | Deployment katydid-worker | POD/securityContext/seccompProfile/type | "Unconfined"
            not among the safe ones | Deployment katydid-worker | POD/securityContext/sysctls/0/name | "net.core.somaxconn"
            a kind the profile forbids | Deployment katydid-worker | POD/volumes/1 | {"name": "tmp", "hostPath": {"path": "/tmp"}}
            readable by others | Deployment katydid-worker | POD/volumes/0/secret/defaultMode | 420
            readable by others | Deployment katydid-worker | POD/volumes/0/secret/defaultMode | 440
            may gain privileges | Deployment katydid-worker | CONTAINER/securityContext/allowPrivilegeEscalation | null
            may write into its image | Deployment katydid-worker | CONTAINER/securityContext/readOnlyRootFilesystem | false
            is privileged | Deployment katydid-worker | CONTAINER/securityContext/privileged | true
            keeps capabilities | Deployment katydid-worker | CONTAINER/securityContext/capabilities/drop | ["NET_RAW"]
            is given capabilities | Deployment katydid-worker | CONTAINER/securityContext/capabilities/add | ["NET_BIND_SERVICE"]
            a port is the node's | Deployment katydid-master | CONTAINER/ports/0/hostPort | 8089
            belongs into a file | Deployment katydid-worker | CONTAINER/env/0/name | "KATYDID_TOKEN"
        "#,
    )
}

#[test]
fn jobs() -> Result<()> {
    each_is_noticed(
        "headless-job",
        &[],
        r#"
            started again | Job katydid-master | POD/restartPolicy | "OnFailure"
            nothing ends it | Job katydid-worker | /spec/activeDeadlineSeconds | null
            nothing clears it away | Job katydid-worker | /spec/ttlSecondsAfterFinished | null
            a node that goes away | Job katydid-master | /spec/podFailurePolicy/rules/0 | null
            a container that is not there | Job katydid-worker | /spec/podFailurePolicy/rules/1/onExitCodes/containerName | "x"
            not all workers work | Job katydid-worker | /spec/parallelism | 2
            as many workers as there are | Job katydid-worker | /spec/parallelism | 2
            not told apart | Job katydid-worker | /spec/completionMode | null
            until it passes | Job katydid-master | /spec/backoffLimit | 6
            waits for workers forever | Job katydid-master | CONTAINER/env/4 | null
            somebody on a page | Job katydid-master | CONTAINER/args | ["--master"]
            told to end is over | Job katydid-master | CONTAINER/env/12 | null
            does not say how the test ended | Job katydid-master | CONTAINER/env/13 | null
            does not say how the test ended | Job katydid-master | CONTAINER/terminationMessagePath | "/tmp/message"
            goes with its pod | Job katydid-master | POD/volumes/2 | {"name": "results", "emptyDir": {"sizeLimit": "1Gi"}}
            only a whole minAvailable works | PodDisruptionBudget katydid-master | /spec | {"maxUnavailable": 0, "selector": {"matchLabels": {"app.kubernetes.io/component": "master"}}}
            do not have | Job katydid-worker | POD/topologySpreadConstraints/0/matchLabelKeys | ["pod-template-hash"]
        "#,
    )
}
