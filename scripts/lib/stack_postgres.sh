# The PostgreSQL half of scripts/stack.

postgres_programs=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then "${postgres_user[@]}" "$@"; else "$@"; fi
}

postgres_user=()
if [ "$(id -u)" -eq 0 ]; then
  postgres_account=postgres
  getent passwd postgres >/dev/null || postgres_account=nobody
  postgres_user=(setpriv "--reuid=$postgres_account" "--regid=$(id -g "$postgres_account")" --clear-groups)
fi

# The folder of the cluster: .stack/N/postgres, or a link to one elsewhere when the unprivileged user that root has to
# use cannot reach the checkout.
postgres_home() {
  local home=$dir/postgres
  mkdir -p "$home"
  if [ "$(id -u)" -eq 0 ]; then
    chown "$postgres_account" "$home"
    if ! (cd / && as_postgres test -w "$home"); then
      rmdir "$home"
      ln -s "$(mktemp -d /var/tmp/admitone-stack.XXXXXXXX)" "$home"
      chown "$postgres_account" "$home/"
    fi
  fi
}

# make_postgres PORT
make_postgres() {
  [ -x "$postgres_programs/initdb" ] || die "PostgreSQL 15 is not installed; run scripts/setup"
  postgres_home
  local home
  home=$(readlink -f "$dir/postgres")
  password=$(od -An -N16 -tx8 /dev/urandom | tr -d ' \n')
  postgres_admin=postgresql://postgres:$password@127.0.0.1:$1/postgres
  # A file, because the unprivileged user may not open root's pipe; from /, because it may not be allowed to stand here.
  (umask 077 && printf '%s\n' "$password" >"$home/password")
  [ "$(id -u)" -ne 0 ] || chown "$postgres_account" "$home/password"
  (cd / && as_postgres "$postgres_programs/initdb" -D "$home/data" -U postgres -N --auth=scram-sha-256 \
    --pwfile="$home/password" --locale=C.UTF-8 --encoding=UTF8 </dev/null >>"$home/log" 2>&1 7>&-) || return 1
  rm "$home/password"
  cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = ''
max_connections = 200
shared_buffers = $(buffers_of_postgres)MB
# Durable as in production; only checkpoints are far apart, so that they do not disturb measurements.
fsync = on
synchronous_commit = on
full_page_writes = on
max_wal_size = 8GB
checkpoint_timeout = 15min
log_min_duration_statement = -1
log_line_prefix = '%m [%p] %q%u@%d '
timezone = 'UTC'
CONF
  start_postgres
}

# A quarter of the memory, as docs/performance.md says, but no more than tests and measurements use.
buffers_of_postgres() {
  awk '/^MemTotal:/ { quarter = int($2 / 4096); print (quarter > 2048 ? 2048 : quarter) }' /proc/meminfo
}

start_postgres() {
  alive postgres || (cd / && spawn postgres "${postgres_user[@]}" "$postgres_programs/postgres" -D "$(readlink -f "$dir/postgres")/data")
}

# "Immediate": no checkpoint, so the next start has to recover.
kill_postgres() { end postgres QUIT; }

address_of_postgres() { value_of ADMITONE_TEST_PG_SUPERUSER_URL | sed 's|.*@||; s|/.*||'; }

ready_postgres() { sql "$(value_of ADMITONE_TEST_PG_ADMIN_URL)" -c 'select 1' >/dev/null 2>&1; }

# Nothing of the caller's own PostgreSQL settings may reach the client.
sql() {
  local url=$1
  shift
  env -i PATH="$PATH" PGCONNECT_TIMEOUT=3 psql -X -q -v ON_ERROR_STOP=1 -d "$url" "$@"
}

postgres_env() {
  password=${password:-$(od -An -N16 -tx8 /dev/urandom | tr -d ' \n')}
  database=admitone
  [ -d "$dir/postgres" ] || database=admitone_$(printf '%s' "$stack_name" | tr -c 'A-Za-z0-9_' _ | tr 'A-Z' 'a-z')
  # Lines: the same server and database, once per role.
  "$python" - "$postgres_admin" "$password" "$database" <<'PY'
import shlex, sys
from urllib.parse import urlsplit, urlunsplit

admin, password, database = sys.argv[1:]
parts = urlsplit(admin)
if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
    sys.exit("not a postgresql:// URL with a host: " + admin)
host = parts.netloc.rpartition("@")[2]
login = parts.netloc.rpartition("@")[0]


def line(name, userinfo, path):
    netloc = f"{userinfo}@{host}" if userinfo else host
    print(f"export {name}=" + shlex.quote(urlunsplit((parts.scheme, netloc, path, parts.query, ""))))


line("ADMITONE_DATABASE_URL", "admitone_worker:" + password, "/" + database)
line("ADMITONE_DATABASE_OWNER_URL", "admitone_owner:" + password, "/" + database)
line("ADMITONE_DATABASE_READER_URL", "admitone_reader:" + password, "/" + database)
# The administrator: in the database the tests use, and in one that can be left alone.
line("ADMITONE_TEST_PG_SUPERUSER_URL", login, "/" + database)
line("ADMITONE_TEST_PG_ADMIN_URL", login, parts.path or "/postgres")
print("export ADMITONE_TEST_PG_PASSWORD=" + password)
PY
}

# Three roles as in production; the owner may grant to the others when it migrates, and end what a
# benchmark has filled in with a checkpoint.
make_roles() {
  local admin password database
  admin=$(value_of ADMITONE_TEST_PG_ADMIN_URL)
  password=$(value_of ADMITONE_TEST_PG_PASSWORD)
  database=$(value_of ADMITONE_DATABASE_URL | sed 's|.*/||; s|?.*||')
  local role
  for role in admitone_owner admitone_worker admitone_reader; do
    [ "$(sql "$admin" -At -c "select 1 from pg_roles where rolname = '$role'")" = 1 ] ||
      sql "$admin" -c "create role $role" || return 1
  done
  sql "$admin" <<SQL
alter role admitone_owner login nosuperuser nobypassrls createrole password '$password';
grant pg_checkpoint to admitone_owner;
alter role admitone_worker login nosuperuser nobypassrls password '$password';
alter role admitone_reader login nosuperuser nobypassrls password '$password';
create database $database owner admitone_owner;
SQL
}

drop_external_database() {
  sql "$(value_of ADMITONE_TEST_PG_ADMIN_URL)" \
    -c "drop database if exists $(value_of ADMITONE_DATABASE_URL | sed 's|.*/||; s|?.*||') with (force)"
}
