# What the scripts need of the machine: Debian's packages, and a PostgreSQL of their own. Sourced, not run; the script that
# sources it sets `packages` and `postgres_settings` first.

# A policy that says no keeps Debian's packages from starting the services that they bring.
policy=/usr/sbin/policy-rc.d

our_policy=""
place=""
postgres_pid=""
# What commands start with that shall live on another date.
clock=()

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# PostgreSQL refuses to run as root. It is run from its own folder because it may not look into this one.
as_postgres() {
    (
        cd "$place"
        if ((EUID == 0)); then runuser -u postgres -- "${clock[@]}" "$@"; else "${clock[@]}" "$@"; fi
    )
}

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s\n' "$package"
    done
}

install_missing() {
    local missing
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here: relying on what is installed (${packages[*]})"
        return
    fi
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]} == 0)); then return; fi

    say "installing ${missing[*]}"
    if [[ ! -e $policy ]]; then
        our_policy=$policy
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" update </dev/null
    as_root "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null
    drop_policy
}

drop_policy() {
    if [[ -n $our_policy ]]; then as_root rm -f "$our_policy"; fi
    our_policy=""
}

# The newest folder that holds a whole server. Debian keeps its own off the PATH, and what is on the PATH may be half of one.
postgres_folder() {
    local folder
    while read -r folder; do
        if [[ -x $folder/initdb && -x $folder/pg_ctl && -x $folder/postgres ]]; then
            printf '%s\n' "$folder"
            return
        fi
    done < <(
        printf '%s\n' /usr/lib/postgresql/*/bin | sort --reverse --version-sort
        dirname "$(command -v pg_ctl)"
    )
    return 1
}

# Sets the clock of this PostgreSQL, and of what starts with `clock`, to $1; the time goes on from there.
shift_clock() {
    local seconds
    seconds=$(($(date --date="$1" +%s) - $(date +%s)))
    gcc -shared -fPIC -O2 -o "$place/shifted_clock.so" scripts/shifted_clock.c || fail "scripts/shifted_clock.c: see above"
    chmod 644 "$place/shifted_clock.so"
    clock=(env "LD_PRELOAD=$place/shifted_clock.so" "CONVOSYNC_TEST_SHIFT=$seconds")
}

# Starts a PostgreSQL, on the date $1 where one is given.
start_postgres() {
    local folder port attempt
    folder=$(postgres_folder) || fail "no folder holds both initdb and pg_ctl; install PostgreSQL 14 or newer"
    # Not under TMPDIR: the path of a Unix socket may be no longer than 107 bytes, and `postgres` must be let in.
    place=$(mktemp -d /tmp/convosync-test.XXXXXX)
    if ((EUID == 0)); then chown postgres: "$place"; fi
    if [[ -n ${1:-} ]]; then shift_clock "$1"; fi

    as_postgres "$folder/initdb" --pgdata="$place/data" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync >"$place/initdb.log" 2>&1 || fail "initdb: $(cat "$place/initdb.log")"
    cat >>"$place/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = '$place'
$postgres_settings
SETTINGS

    # Only the bind can tell whether a port is free; below 32768 no outgoing connection takes it first.
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 12000))
        if as_postgres "$folder/pg_ctl" start --wait --pgdata="$place/data" --log="$place/postgres.log" \
            --options="-p $port" >/dev/null 2>&1; then
            read -r postgres_pid <"$place/data/postmaster.pid"
            postgres_url="postgres://postgres@127.0.0.1:$port/postgres"
            say "PostgreSQL from $folder on port $port, process $postgres_pid"
            return
        fi
    done
    fail "PostgreSQL did not start in $attempt attempts: $(tail -n 20 "$place/postgres.log")"
}

# Stops it, and removes its folder.
stop_postgres() {
    local tenths
    if [[ -n $postgres_pid ]]; then
        kill -INT "$postgres_pid" 2>/dev/null || true
        for ((tenths = 0; tenths < 300; tenths++)); do
            if ! kill -0 "$postgres_pid" 2>/dev/null; then break; fi
            sleep 0.1
        done
        kill -QUIT "$postgres_pid" 2>/dev/null || true
    fi
    postgres_pid=""
    if [[ -n $place ]]; then rm -rf "$place"; fi
    place=""
    clock=()
}
