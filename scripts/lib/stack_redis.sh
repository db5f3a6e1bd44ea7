# The Redis of scripts/stack, for who asks for it: what it knows may be lost, so it writes nothing to disk.

redis_program=/usr/bin/redis-server

# make_redis PORT
make_redis() {
  [ -x "$redis_program" ] || die "redis-server is not installed; run scripts/setup"
  mkdir -p "$dir/redis"
  printf '%s\n' "$1" >"$dir/redis/port"
  start_redis
}

start_redis() {
  alive redis || spawn redis "$redis_program" --port "$(cat "$dir/redis/port")" --bind 127.0.0.1 --dir "$dir/redis" \
    --save '' --appendonly no
}

kill_redis() { end redis KILL; }

address_of_redis() { printf '127.0.0.1:%s\n' "$(cat "$dir/redis/port")"; }

ready_redis() {
  [ "$(timeout 3 redis-cli -h 127.0.0.1 -p "$(cat "$dir/redis/port")" ping 2>/dev/null)" = PONG ]
}

redis_env() {
  [ ! -d "$dir/redis" ] || printf 'export ADMITONE_REDIS_URL=redis://%s/0\n' "$(address_of_redis)"
}
