#!/usr/bin/env bash
# packaging/try.sh BINARY: the binary in a root directory that holds nothing but it: it founds, serves, backs up and examines.
# Takes the right to change the root: root's, or that of a user namespace.
set -euo pipefail

root=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$root"' EXIT
install -D -m 755 "$1" "$root/bin/vinyasa"
mkdir -m 700 "$root/data" "$root/tmp"

inside() {
    if [ "$(id -u)" -eq 0 ]; then
        exec env -i PATH="$PATH" chroot "$root" /bin/vinyasa "$@"
    else
        exec env -i PATH="$PATH" unshare --user --map-root-user chroot "$root" /bin/vinyasa "$@"
    fi
}

(inside --version)
(inside admin init --data /data --organization Try --email try@example.com --name Try) >"$root/tmp/init"
token=$(sed 's/.*"token":"\([^"]*\)".*/\1/' "$root/tmp/init")
(inside serve --data /data --listen 127.0.0.1:0) >"$root/tmp/first" 2>"$root/tmp/log" &
server=$!
for _ in $(seq 100); do
    [ -s "$root/tmp/first" ] && break
    sleep 0.1
done
url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$root/tmp/first")
[ -n "$url" ] || { cat "$root/tmp/log" >&2; exit 1; }
# Without a client of HTTP on the machine: bash has one connection to give.
address=${url#http://}
exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
printf 'GET /api/1.0/users/me HTTP/1.1\r\nHost: try\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n' "$token" >&3
answer=$(cat <&3)
grep --quiet '^HTTP/1.1 200 ' <<<"$answer" && grep --quiet 'try@example.com' <<<"$answer"
(inside backup --data /data --to /data/backup.db)
(inside restore /data/backup.db --data /data/again)
(inside doctor --data /data)
kill "$server"
wait "$server"
server=
echo "$1 works where there is nothing else"
