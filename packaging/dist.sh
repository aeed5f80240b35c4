#!/usr/bin/env bash
# packaging/dist.sh: what is given to others, in dist/: the static binary, the same in an archive with the documentation,
# a Debian package with the unit, and the checksums of all. Then the binary is tried where there is nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

# glibc, linked statically: what it takes to build is what Debian's build-essential brings. Random bytes come from the system
# call: looked up at run time, which a static program cannot, it would be given up for a file in /dev. Naming the target keeps
# the flags from what runs while building.
target=$(rustc -vV | sed -n 's/^host: //p')
architecture=$(dpkg --print-architecture)
version=$(cargo pkgid --package server | sed 's/.*[#@]//')
export CARGO_ENCODED_RUSTFLAGS=$'-Ctarget-feature=+crt-static\x1f--cfg=getrandom_backend="linux_getrandom"'
cargo build --locked --release --package server --bin vinyasa --target "$target"
binary=${CARGO_TARGET_DIR:-target}/$target/release/vinyasa

# The time of the commit, so that the same commit makes the same files. Not before: it would build all C code again.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

rm -rf dist
mkdir dist
name=vinyasa-$version-linux-$architecture
strip --strip-debug -o "dist/$name" "$binary"
if readelf --wide --program-headers --dynamic "dist/$name" | grep -qE 'INTERP|NEEDED'; then
    echo "dist/$name is not static" >&2
    exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Without the scratch directory's own rights.
chmod 755 "$scratch"
tree=$scratch/$name
install -D -m 755 "dist/$name" "$tree/vinyasa"
install -m 644 README.md LICENSE CHANGELOG.md COMPAT.md packaging/vinyasa.service packaging/vinyasa.toml "$tree"
install -D -m 644 -t "$tree/docs" docs/*.md
tar --create --gzip --file "dist/$name.tar.gz" --directory "$scratch" --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime="@$SOURCE_DATE_EPOCH" "$name"

root=$scratch/root
install -D -m 755 "dist/$name" "$root/usr/bin/vinyasa"
install -D -m 644 packaging/vinyasa.service "$root/usr/lib/systemd/system/vinyasa.service"
install -D -m 640 packaging/vinyasa.toml "$root/etc/vinyasa/vinyasa.toml"
install -D -m 644 -t "$root/usr/share/doc/vinyasa" docs/*.md README.md CHANGELOG.md COMPAT.md
install -D -m 644 LICENSE "$root/usr/share/doc/vinyasa/copyright"
install -d -m 755 "$root/DEBIAN"
install -m 755 packaging/postinst packaging/prerm "$root/DEBIAN"
echo /etc/vinyasa/vinyasa.toml >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<CONTROL
Package: vinyasa
Version: $version
Architecture: $architecture
Maintainer: The Vinyasa authors <vinyasa@localhost>
Installed-Size: $(du --summarize --block-size=1K "$root/usr" | cut -f1)
Depends: passwd
Section: net
Priority: optional
Description: self-hosted work-management server that speaks the Asana REST API
 Existing SDKs, connectors and scripts work after one base URL has changed. One
 static binary with an embedded database; PostgreSQL when one machine is not
 enough. Not affiliated with Asana.
CONTROL
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$root" "dist/vinyasa_${version}_$architecture.deb" >/dev/null
(cd dist && sha256sum -- * >SHA256SUMS)

packaging/try.sh "dist/$name"
ls -l dist
