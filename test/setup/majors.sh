#!/bin/sh
# majors.sh - build and test on PostgreSQL 17 (Debian 13) and 18 (Debian unstable), in chroots.
#
# T=17 or T=18 runs one of them.  The chroots stay in ${TSDB_CACHE:-/var/tmp}/tsdb-chroots;
# delete that folder to get fresh ones.  Needs root for chroot and debootstrap.
set -eu
. "$(dirname "$0")/lib.sh"

cache=${TSDB_CACHE:-/var/tmp}/tsdb-chroots
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
is_root || die "make majors needs root: it makes chroots with debootstrap"
packages_install debootstrap

# chroot_make suite major - a minimal Debian with that server; anew when it lacks a package.
chroot_make() {
    chroot=$cache/$1
    packages="postgresql-$2 postgresql-server-dev-$2 postgresql-$2-pgtap libipc-run-perl liblz4-dev libmicrohttpd-dev zlib1g-dev make gcc libc6-dev perl util-linux"
    [ -e "$chroot/ready" ] && [ "$(cat "$chroot/ready")" = "$packages" ] && return 0
    note "making a chroot of Debian $1 in $chroot"
    rm -rf "$chroot"
    mkdir -p "$chroot" "$LOGS"
    # shellcheck disable=SC2086
    {
        debootstrap --variant=minbase "$1" "$chroot" "$mirror" &&
            printf '#!/bin/sh\nexit 101\n' >"$chroot/usr/sbin/policy-rc.d" &&
            chmod 755 "$chroot/usr/sbin/policy-rc.d" &&
            mkdir -p "$chroot/etc/postgresql-common" &&
            echo 'create_main_cluster = false' >"$chroot/etc/postgresql-common/createcluster.conf" &&
            inside "$chroot" apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install $packages
    } >"$LOGS/chroot-$1.log" 2>&1 </dev/null || {
        tail -n 20 "$LOGS/chroot-$1.log"
        die "could not make the chroot of Debian $1"
    }
    echo "$packages" >"$chroot/ready"
}

# inside chroot command... - with /proc, /dev/shm and pseudo-terminals, in a mount namespace that goes with the command.
inside() {
    into=$1
    shift
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c '
        mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm" && mount -t devpts devpts "$1/dev/pts" || exit 1
        exec chroot "$@"' sh "$into" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive \
        LC_ALL=C.UTF-8 TSDB_COUNTS="${INNER_COUNTS:-}" "$@"
}

# chroot_test suite major
chroot_test() {
    chroot_make "$1" "$2"
    rm -rf "$cache/$1/src"
    mkdir "$cache/$1/src"
    tar -C "$ROOT" --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.d' -cf - . | tar -C "$cache/$1/src" -xf -
    : >"$cache/$1/counts"
    INNER_COUNTS=/counts inside "$cache/$1" env "PG_CONFIG=/usr/lib/postgresql/$2/bin/pg_config" \
        /src/test/setup/test.sh unit regress isolation tap prove </dev/null || true
    mkdir -p "$BUILD"
    rm -rf "$BUILD/log-$2"
    cp -r "$cache/$1/src/build/log" "$BUILD/log-$2"
    passed=$((passed + $(awk '{ n += $2 } END { print n + 0 }' "$cache/$1/counts")))
    failed=$((failed + $(awk '{ n += $3 } END { print n + (NR == 0) }' "$cache/$1/counts")))
}

passed=0
failed=0
for major in ${T:-17 18}; do
    case $major in
    17) suite=trixie ;;
    18) suite=sid ;;
    *) die "make majors knows T=17 and T=18" ;;
    esac
    echo "== PostgreSQL $major on Debian $suite"
    chroot_test $suite "$major"
done
totals majors "$passed" "$failed"
