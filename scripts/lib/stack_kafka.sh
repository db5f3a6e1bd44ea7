# The Kafka half of scripts/stack: one node, broker and controller in one process.

# make_kafka CLIENT_PORT CONTROLLER_PORT PROXIED_PORT PROXY_PORT
make_kafka() {
  local release
  release=$(kafka_release "$kafka_version") || exit 1
  [ -d "$(kafka_dir "$release")/jars" ] ||
    die "Apache Kafka $release is not here; fetch it with: scripts/setup --kafka-version $release"
  mkdir -p "$dir/kafka"
  printf '%s\n' "$release" >"$dir/kafka/release"
  printf '%s\n' "$4" >"$dir/kafka/proxy_port"
  printf '%s\n' "$3" >"$dir/kafka/proxied_port"
  kafka_properties "$@" >"$dir/kafka/server.properties"
  cat >"$dir/kafka/log4j.properties" <<'PROPERTIES'
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
PROPERTIES
  local cluster_id
  cluster_id=$("$python" -c 'import base64, uuid; print("A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22])')
  kafka_java kafka.tools.StorageTool format -t "$cluster_id" -c "$dir/kafka/server.properties" \
    >>"$dir/kafka/log" 2>&1 7>&- || return 1
  start_kafka
}

kafka_properties() {
  cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
controller.listener.names=CONTROLLER
# PROXIED is the same broker for a fault test's proxy: who comes in through it is told to come back to the proxy's port.
listeners=CLIENT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2,PROXIED://127.0.0.1:$3
advertised.listeners=CLIENT://127.0.0.1:$1,PROXIED://127.0.0.1:$4
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=CLIENT
log.dirs=$dir/kafka/data
# A missing topic is a mistake to be seen, not to be papered over.
auto.create.topics.enable=false
# One node: nothing to replicate, and few partitions so that a restart is quick.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# Tests come and go: no waiting for further members, short sessions allowed, dead transactions ended soon.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
# Enough for one broker beside its clients on two cores.
num.network.threads=2
num.io.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
PROPERTIES
}

kafka_java() {
  local java release
  release=$(cat "$dir/kafka/release")
  java=$(ls -d /usr/lib/jvm/java-17-openjdk-*/bin/java 2>/dev/null | head -n 1)
  exec_or_run "${java:-java}" -Xms256m -Xmx512m -XX:+UseSerialGC -XX:-UsePerfData -Djava.awt.headless=true \
    -Djava.io.tmpdir="$dir/kafka" \
    -Dlog4j2.level=INFO -Dlog4j.configuration="file:$dir/kafka/log4j.properties" \
    -cp "$(kafka_dir "$release")/jars/*" "$@"
}

# kafka_java either runs a tool to its end or, for a server, hands the command to spawn.
exec_or_run() {
  if [ -n "${kafka_spawn:-}" ]; then spawn "$kafka_spawn" "$@"; else "$@"; fi
}

start_kafka() {
  ! alive kafka || return 0
  if [ -f "$dir/kafka/killed" ]; then
    declare_broker_dead || return 1
    rm -f -- "$dir/kafka/killed"
  fi
  kafka_spawn=kafka kafka_java kafka.Kafka "$dir/kafka/server.properties"
}

# The controller died with its broker and still believes that it lives. Started again as it is, the broker is leader for
# some seconds, is then fenced, and its partitions are without a leader for a moment. Transactions whose end falls into
# that moment hang for ever (KAFKA-20734, docs/runbooks/hanging-transaction.md). A cluster with other controllers has
# long fenced a dead broker; so the controller alone runs here until it has done that.
declare_broker_dead() {
  local status=0 log=$dir/kafka/controller/log
  mkdir -p "$dir/kafka/controller"
  sed -e 's/^process.roles=.*/process.roles=controller/' \
    -e 's/^\(listeners\)=.*\(CONTROLLER:[^,]*\).*/\1=\2/' -e '/^advertised.listeners=/d' \
    -e '/^inter.broker.listener.name=/d' -e 's/^\(listener.security.protocol.map\)=.*/\1=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT/' \
    "$dir/kafka/server.properties" >"$dir/kafka/controller/server.properties"
  printf '%s\n' broker.session.timeout.ms=1000 broker.heartbeat.interval.ms=250 \
    >>"$dir/kafka/controller/server.properties"
  : >"$log"
  kafka_spawn=kafka/controller kafka_java kafka.Kafka "$dir/kafka/controller/server.properties"
  until_true 60 controller_has_fenced || status=1
  end kafka/controller KILL
  [ "$status" -eq 0 ] || say "the controller has not fenced the killed broker; its log is $log"
  return "$status"
}

# Decided, and written down; the log tells older fencings, too, as it is read again.
controller_has_fenced() {
  alive kafka/controller || return 0
  awk '/Fencing broker 1 / { decided = 1 } decided && /fenced=1,/ { found = 1 } END { exit !found }' \
    "$dir/kafka/controller/log"
}

kill_kafka() {
  end kafka KILL
  [ ! -d "$dir/kafka" ] || touch "$dir/kafka/killed"
}

address_of_kafka() { value_of ADMITONE_KAFKA_BOOTSTRAP_SERVERS; }

# A metadata answer, not just an open port.
ready_kafka() {
  kcat -b "$(address_of_kafka)" -L -m 2 -X log_level=0 >/dev/null 2>&1
}

kafka_env() {
  printf 'export ADMITONE_KAFKA_BOOTSTRAP_SERVERS=%q\n' "$kafka_address"
  [ -d "$dir/kafka" ] || return 0
  printf 'export ADMITONE_TEST_KAFKA_PROXY_UPSTREAM=127.0.0.1:%s\n' "$(cat "$dir/kafka/proxied_port")"
  printf 'export ADMITONE_TEST_KAFKA_PROXY_LISTEN=127.0.0.1:%s\n' "$(cat "$dir/kafka/proxy_port")"
  printf 'export ADMITONE_TEST_KAFKA_JARS=%q\n' "$(kafka_dir "$(cat "$dir/kafka/release")")/jars"
  local older
  older=$(kafka_dir "$(kafka_release 3.9)")/jars
  [ ! -d "$older" ] || printf 'export ADMITONE_TEST_OLDER_KAFKA_JARS=%q\n' "$older"
}
