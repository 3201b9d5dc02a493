# peers_lib.sh - unpack, start and stop other databases; sourced by the scripts that measure beside them.

PEERS=$WORK/peers
PEER_PID=

http() {
    perl "$BENCH/http.pl" "$@"
}

port_free() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

# uri text - percent-encoded.
uri() {
    printf '%s' "$1" | perl -0777 -pe 's/([^A-Za-z0-9_.~-])/sprintf "%%%02X", ord $1/ge'
}

# debian_unpack package - into PEERS/root; sets PACKAGE_VERSION.
debian_unpack() {
    (
        cd "$PEERS"
        apt-get -q download "$1" || { apt_update && apt-get -q download "$1"; }
        dpkg-deb -x "$1"_*.deb root
    ) >"$LOGS/peer-$1.log" 2>&1 || return 1
    PACKAGE_VERSION=$(dpkg-deb -f "$PEERS/$1"_*.deb Version)
}

apt_update() {
    if is_root; then apt-get -q update; else sudo -n apt-get -q update; fi
}

# peer_start name command... - in the background without root's rights; sets PEER_PID.
peer_start() {
    log=$LOGS/peer-$1.log
    shift
    "$ROOT/test/setup/as_user.sh" "$@" >>"$log" 2>&1 </dev/null &
    PEER_PID=$!
}

peer_stop() {
    [ -n "$PEER_PID" ] || return 0
    kill "$PEER_PID" 2>/dev/null || true
    wait "$PEER_PID" 2>/dev/null || true
    PEER_PID=
}

# size_of path... - bytes of the disk that they take (InfluxDB has files with holes).
size_of() {
    du -cB1 "$@" | tail -n 1 | cut -f1
}

# poll seconds command... - until it succeeds; the peers have no call that waits.
poll() {
    left=$1
    shift
    until "$@"; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 1
    done
}

influx_config() {
    cat <<CONF
reporting-disabled = true
bind-address = "127.0.0.1:$(port_free)"
[meta]
  dir = "$1/meta"
[data]
  dir = "$1/data"
  wal-dir = "$1/wal"
  cache-snapshot-write-cold-duration = "2s"
  compact-full-write-cold-duration = "4s"
[http]
  bind-address = "127.0.0.1:$PORT"
  log-enabled = false
[monitor]
  store-enabled = false
CONF
}
