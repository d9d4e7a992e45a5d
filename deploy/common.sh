# shellcheck shell=sh
# Sourced by deploy/run and deploy/test: finding Swift, installing packages, saying so.
# POSIX sh; expects $home, the top of the repository.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# One word for the distribution, as in /etc/os-release.
distribution() { (. /etc/os-release 2>/dev/null && printf '%s %s\n' "${ID:-unknown}" "${VERSION_ID:-}"); }

# install_packages REASON PACKAGE…: from the distribution, with sudo where this is not root.
install_packages() {
  reason=$1
  shift
  if ! command -v apt-get >/dev/null; then
    fail "Please install $* ($reason): this is not a Debian or Ubuntu, so I do not know how."
  fi
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo >/dev/null; then
    as_root=sudo
  else
    fail "Please run, as root: apt-get update && apt-get install $* ($reason)."
  fi
  say "Installing $* ($reason)"
  # shellcheck disable=SC2086 # as_root is one word or none
  if ! said=$({ $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@"; } 2>&1); then
    say "$said"
    fail "apt-get could not install $*; what it said is above."
  fi
}

# What a build needs beside the toolchain itself.
need_build_tools() {
  command -v git >/dev/null || install_packages "fetches the packages this one stands on" git ca-certificates
  command -v swift >/dev/null || explain_swift
  has_header nghttp2/nghttp2.h || install_packages "speaks HTTP/2" libnghttp2-dev
  has_header zlib.h || install_packages "compresses what is sent" zlib1g-dev
  found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
  case $found in
  '') fail "swift is there but does not run: $(command -v swift) --version says nothing of a version." ;;
  [0-5].* | 6.[01]) fail "Swift $found is too old: Tidings is written in Swift 6.3. See swift.org/install/linux." ;;
  esac
}

# has_header FILE: whether a C header is installed where compilers look.
has_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]; }

# libnghttp2 does not say which of its distribution's security fixes it has, so the package manager
# is asked: for one that is newer here, and on Debian 12 for the revision that has all we know of.
warn_of_old_nghttp2() {
  command -v dpkg-query >/dev/null || return 0
  installed=$(dpkg-query -W -f '${Version}' libnghttp2-14 2>/dev/null) || return 0
  [ -n "$installed" ] || return 0
  wanted=$(apt-cache policy libnghttp2-14 2>/dev/null | sed -n 's/^ *Candidate: //p')
  case $(distribution) in
  "debian 12"*)
    if [ -z "$wanted" ] || dpkg --compare-versions "$wanted" lt 1.52.0-1+deb12u3; then
      wanted=1.52.0-1+deb12u3
    fi ;;
  esac
  if [ -n "$wanted" ] && dpkg --compare-versions "$installed" lt "$wanted"; then
    say "libnghttp2-14 $installed lacks security fixes of $wanted:" \
      "apt-get update && apt-get install libnghttp2-14"
  fi
}

# How to get Swift on this distribution; ends the script.
explain_swift() {
  case $(distribution) in
  "debian 12"*)
    libraries="binutils-gold gcc git gnupg libc6-dev libcurl4-openssl-dev libedit2 libgcc-12-dev \\
      libncurses-dev libpython3-dev libsqlite3-0 libstdc++-12-dev libxml2-dev libz3-dev \\
      pkg-config tzdata unzip zlib1g-dev" ;;
  "ubuntu 24.04"*)
    libraries="binutils git gnupg libc6-dev libcurl4-openssl-dev libedit2 libgcc-13-dev \\
      libncurses-dev libpython3-dev libsqlite3-0 libstdc++-13-dev libxml2-dev libz3-dev \\
      pkg-config tzdata unzip zlib1g-dev" ;;
  *) fail "Tidings needs Swift 6.3, and no swift is on the PATH. See https://www.swift.org/install/linux/" ;;
  esac
  [ "$(id -u)" = 0 ] && sudo= || sudo="sudo "
  say "Tidings needs Swift 6.3, and no swift is on the PATH. On this machine:

  ${sudo}apt-get update
  ${sudo}apt-get install -y ca-certificates curl \\
      $libraries
  curl -O https://download.swift.org/swiftly/linux/swiftly-\$(uname -m).tar.gz
  tar zxf swiftly-\$(uname -m).tar.gz
  ./swiftly init --skip-install --assume-yes
  . \"\${SWIFTLY_HOME_DIR:-\$HOME/.local/share/swiftly}/env.sh\"
  swiftly install --use 6.3

Then run this again, in the same shell."
  exit 1
}
