#!/bin/sh
# assert-server.sh - build PostgreSQL 15 with assertions from Debian's source package
# into ${TSDB_CACHE:-/var/tmp}/tsdb-pgsql15-assert, unless it is there; prints its pg_config.
#
# The path has "pgsql" in it because Debian's source installs libraries of any
# other prefix into the system's /usr/lib/postgresql.
set -eu
. "$(dirname "$0")/lib.sh"

major=15
prefix=${TSDB_CACHE:-/var/tmp}/tsdb-pgsql$major-assert
if [ -x "$prefix/bin/pg_config" ]; then
    echo "$prefix/bin/pg_config"
    exit 0
fi
packages_install make gcc libc6-dev dpkg-dev perl bison flex zlib1g-dev libreadline-dev liblz4-dev libipc-run-perl
work_open
log=$LOGS/assert-server.log
note "building PostgreSQL $major with assertions; about five minutes"

# Sources of the release that this machine's own lists name, in lists of our own.
cd "$WORK"
mkdir -p apt/lists apt/cache
apt-get indextargets --format '$(ORIGIN) deb-src $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    sed -n 's/^Debian deb-src/deb-src/p' | sort -u >apt/sources.list
if [ ! -s apt/sources.list ]; then
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "deb-src http://deb.debian.org/debian $release main" >apt/sources.list
    echo "deb-src http://deb.debian.org/debian-security $release-security main" >>apt/sources.list
fi
apt_source() {
    apt-get -q -o Dir::Etc::SourceList="$WORK/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$WORK/apt/lists" -o Dir::Cache="$WORK/apt/cache" -o APT::Sandbox::User=root "$@"
}
source_get() {
    apt_source update && apt_source source --download-only postgresql-$major
}
{
    # A mirror may lack the newest security update: the release's own version will do.
    source_get || { sed -i /security/d apt/sources.list && source_get; }
    dpkg-source --no-check -x postgresql-${major}_*.dsc source
} >"$log" 2>&1 </dev/null || {
    tail -n 20 "$log"
    die "could not get the source of postgresql-$major"
}
cd source
# Built beside its final place and renamed, so that a half-built one is never used.
{
    ./configure --prefix="$prefix" --enable-cassert --enable-debug --enable-tap-tests --with-lz4 CFLAGS='-O1 -g' &&
        make -s -j"$(nproc)" all &&
        make -s -C contrib all &&
        make -s DESTDIR="$WORK/root" install &&
        make -s -C contrib DESTDIR="$WORK/root" install
} >>"$log" 2>&1 </dev/null || {
    tail -n 20 "$log"
    die "PostgreSQL $major with assertions does not build"
}
chmod -R go+rX "$WORK/root$prefix"
mv -T "$WORK/root$prefix" "$prefix"
echo "$prefix/bin/pg_config"
