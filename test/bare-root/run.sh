#!/usr/bin/env bash
# The README's two commands in a bare Debian 12 with nothing but git, bash, curl, Python with venv, and npm with Debian's
# own Node.js 18: once as root, once as an ordinary user, each in a fresh clone of the last commit.
# Usage, as root, with debootstrap installed: test/bare-root/run.sh [--quick] [root|visitor ...]
#   --quick         start, try and stop only; without scripts/test.sh
#   BARE_ROOT       folder of the Debian; made when missing, kept (default /var/tmp/roundhouse-bare-root)
#   BARE_MIRROR     Debian mirror, when debootstrap's own is not the right one
#   ROUNDHOUSE_PORT port to use (default 9000)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

bare=${BARE_ROOT:-/var/tmp/roundhouse-bare-root}
packages=(git bash curl ca-certificates python3 python3-venv npm)
quick=
visitors=()
for word in "$@"; do
  case $word in
    --quick) quick=--quick ;;
    root | visitor) visitors+=("$word") ;;
    *) die "There is no option $word." "Usage: test/bare-root/run.sh [--quick] [root|visitor ...]" ;;
  esac
done
if ((${#visitors[@]} == 0)); then visitors=(root visitor); fi

main() {
  ((EUID == 0)) || die "This needs root, for debootstrap and chroot."
  local work visitor
  work=$root/.runtime/logs
  exec 7>"$bare.lock"
  flock -n 7 || { note "another run is at work in $bare; waiting for it" && flock 7; }
  if [[ ! -e $bare/.complete ]]; then
    command -v debootstrap >/dev/null || die "debootstrap is missing." "apt-get install debootstrap"
    step "a bare Debian in $bare" "$work/bare-debian.log" make_bare || die "The bare Debian could not be made."
  fi
  for visitor in "${visitors[@]}"; do
    heading "As $visitor"
    clone_for "$visitor"
    visit "$visitor"
  done
  printf '%s\n' "$(paint 32 "the bare root works: ${visitors[*]}")"
}

make_bare() {
  rm -rf "$bare"
  mkdir -p "$bare"
  debootstrap --variant=minbase bookworm "$bare" ${BARE_MIRROR:+"$BARE_MIRROR"} || return
  # Authorities that this machine trusts besides Debian's: it may reach the network through a proxy of its own.
  mkdir -p "$bare/usr/local/share/ca-certificates" || return
  cp /usr/local/share/ca-certificates/*.crt "$bare/usr/local/share/ca-certificates/" 2>/dev/null || true
  cp --dereference /etc/resolv.conf "$bare/etc/resolv.conf" || return
  in_bare apt-get update || return
  in_bare apt-get install -y --no-install-recommends "${packages[@]}" || return
  in_bare useradd --create-home --shell /bin/bash visitor || return
  touch "$bare/.complete"
}

# In namespaces of its own: what is mounted or started there is gone afterwards.
in_bare() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --pid --fork --kill-child bash -euc '
    bare=$1; shift
    mount -t proc proc "$bare/proc"
    mount --rbind /dev "$bare/dev"
    exec chroot "$bare" env -i DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 TERM="${TERM:-dumb}" \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' bash "$bare" "$@"
}

home_of() { if [[ $1 == root ]]; then echo /root; else echo "/home/$1"; fi; }

clone_for() { # clone_for VISITOR
  local folder
  folder=$bare$(home_of "$1")/roundhouse
  rm -rf "$folder"
  git clone --quiet "$root" "$folder"
  git -C "$folder" log -1 --format='     commit %h: %s'
  chroot "$bare" chown -R "$1:" "$(home_of "$1")/roundhouse"
}

visit() { # visit VISITOR
  local home
  home=$(home_of "$1")
  # What an earlier visit installed, and the package lists that a slim image does not have either.
  in_bare dpkg --purge libgomp1 >/dev/null 2>&1 || true
  rm -rf "$bare"/var/lib/apt/lists/*
  in_bare ${ROUNDHOUSE_PORT:+"ROUNDHOUSE_PORT=$ROUNDHOUSE_PORT"} HOME="$home" USER="$1" \
    runuser -u "$1" -- bash "$home/roundhouse/test/bare-root/visit.sh" $quick
}

main
