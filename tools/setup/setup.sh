# SPDX-License-Identifier: Apache-2.0
# Sourced by ./headrace and ./test, which set `root` and `build`: installs Debian packages and wheels, configures and builds. Each
# step does nothing when nothing is missing. Talk goes to stderr, the tools' own output to $setup_log.

root=$(cd -P "$root" && pwd) || exit 3
venv=${HEADRACE_VENV:-$root/.venv}
build=$(realpath -m -- "$build")
venv=$(realpath -m -- "$venv")
setup_log=$build/setup.log
setup_child=
setup_watcher=

say() { printf 'headrace: %s\n' "$*" >&2; }
# Ends the script: the environment lacks something. Each further argument is a line of advice.
lacks() {
  printf 'headrace: %s\n' "$1" >&2
  shift
  (($#)) && printf '  %s\n' "$@" >&2
  exit 3
}

setup_interrupted() {
  trap - INT TERM HUP
  [[ -n $setup_watcher ]] && kill "$setup_watcher" 2>/dev/null
  if [[ -n $setup_child ]]; then
    kill -INT -- "-$setup_child" 2>/dev/null
    wait "$setup_child" 2>/dev/null
  fi
  say "stopped; the same command goes on from here"
  exit 4
}

# Runs a command in a process group of its own, so that an interrupt reaches all of it and is answered at once. Takes no input.
in_group() {
  set -m
  "$@" </dev/null &
  setup_child=$!
  set +m
  local status=0
  wait "$setup_child" || status=$?
  setup_child=
  return $status
}

# logged WHAT COMMAND...: output goes to the log; a terminal sees the seconds go by, a pipe sees a line every half minute.
logged() {
  local what=$1 began=$SECONDS status=0
  shift
  say "$what ..."
  printf '\n== %s: %s\n' "$what" "$*" >>"$setup_log"
  show_time "$what" "$began" &
  setup_watcher=$!
  in_group "$@" >>"$setup_log" 2>&1 || status=$?
  kill "$setup_watcher" 2>/dev/null
  wait "$setup_watcher" 2>/dev/null
  setup_watcher=
  [[ -t 2 ]] && printf '\r\033[K' >&2
  ((status == 0)) && say "$what: done in $((SECONDS - began)) s"
  return $status
}
show_time() {
  local pause=30 never
  [[ -t 2 ]] && pause=1
  exec {setup_lock}>&- {never}<> <(:)
  # A read that never gets anything: a sleep would outlive this watcher.
  while true; do
    read -r -t "$pause" -u "$never"
    if [[ -t 2 ]]; then
      printf '\rheadrace: %s ... %d s' "$1" "$((SECONDS - $2))" >&2
    else
      say "$1 ... $((SECONDS - $2)) s"
    fi
  done
}

# Rows of a list without comments: one name a line.
rows() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@"; }

# One set-up at a time in one build folder. Children keep the lock open: while a build goes on, nobody starts another.
take_lock() {
  mkdir -p "$build" 2>/dev/null && [[ -w $build ]] ||
    lacks "cannot write to $build, and something has to be built" \
      "set HEADRACE_BUILD_DIR and HEADRACE_VENV to folders that you may write to"
  trap setup_interrupted INT TERM HUP
  exec {setup_lock}>"$build/.setup.lock"
  if ! flock -n "$setup_lock"; then
    say "another headrace is setting up in $build; waiting for it"
    in_group flock "$setup_lock"
  fi
  : >"$setup_log"
  # ccache needs a folder of its own; a home that is not there must not fail the build.
  [[ -n ${CCACHE_DIR:-} || -w ${HOME:-/nonexistent} ]] || export CCACHE_DIR=$build/ccache
}
drop_lock() {
  trap - INT TERM HUP
  exec {setup_lock}>&-
}

# setup_packages LIST...: Debian packages. As root they are installed; otherwise the one command that needs root is printed.
setup_packages() {
  if ! command -v dpkg-query >/dev/null; then
    command -v cmake >/dev/null && command -v ninja >/dev/null && return 0
    lacks "this set-up installs Debian packages, and this is no Debian" \
      "install the counterparts of the names in ${*#"$root"/} and run this again"
  fi
  local -a wanted=() missing=()
  local name there
  mapfile -t wanted < <(rows "$@")
  there=$(dpkg-query -W -f '${db:Status-Status}:${Package}\n' "${wanted[@]}" 2>/dev/null)
  for name in "${wanted[@]}"; do
    [[ $'\n'$there$'\n' == *$'\n'"installed:$name"$'\n'* ]] || missing+=("$name")
  done
  ((${#missing[@]} == 0)) && return 0
  local install="apt-get install -y --no-install-recommends ${missing[*]}"
  ((EUID == 0)) || lacks "some Debian packages are missing (${#missing[@]}). Run this once as root, then this command again:" \
    "sudo sh -c 'apt-get update && $install'"
  export DEBIAN_FRONTEND=noninteractive
  logged "refreshing the lists of Debian packages" apt-get update ||
    say "the lists could not be refreshed (see $setup_log); trying with the ones that are there"
  # A run that was cut off may have left packages unpacked.
  dpkg --audit 2>/dev/null | grep -q . && logged "finishing an earlier installation" dpkg --configure -a
  logged "installing ${#missing[@]} Debian packages" $install ||
    lacks "the Debian packages could not be installed; the reason is at the end of $setup_log" \
      "without a network: install them from a mirror or a disk of yours, and run this again:" "${missing[*]}"
}

# A Python that can make an environment, newest tested version first.
find_python() {
  local candidate
  for candidate in python3.11 python3 /usr/bin/python3 python3.12 python3.13; do
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
    printf '%s' "$candidate"
    return 0
  done
  lacks "no Python 3.11 to 3.13 with the modules venv and ensurepip was found" \
    "install it (Debian: apt-get install python3-venv) and run this again"
}

# setup_wheels LIST...: wheels into the environment. torch comes first and alone: whatever else pulls it in could bring another build.
setup_wheels() {
  local list key name
  if ! "$venv/bin/python3" -c 'import pip' 2>/dev/null; then
    local python
    python=$(find_python) || exit 3
    logged "making a Python environment in $venv" "$python" -m venv --clear "$venv" ||
      lacks "the environment could not be made; the reason is at the end of $setup_log"
  fi
  for list in "$@"; do
    name=$(basename "$list")
    key=$(sha256sum <"$list")
    [[ $(cat "$venv/$name.done" 2>/dev/null) == "$key" ]] && continue
    local torch
    torch=$(rows "$list" | grep '^torch==' || true)
    if [[ -n $torch ]]; then
      logged "installing $torch (the largest part)" "$venv/bin/python3" -m pip install --no-input --disable-pip-version-check "$torch" ||
        wheels_failed "$list"
    fi
    logged "installing the wheels of ${list#"$root"/}" \
      "$venv/bin/python3" -m pip install --no-input --disable-pip-version-check -r "$list" || wheels_failed "$list"
    printf '%s\n' "$key" >"$venv/$name.done"
  done
}
wheels_failed() {
  lacks "the wheels of ${1#"$root"/} could not be installed; the reason is at the end of $setup_log" \
    "without a network: put the wheels into a folder, set PIP_NO_INDEX=1 and PIP_FIND_LINKS=FOLDER, and run this again"
}

# How many compilers at once: one a core, as far as memory allows (the largest source takes 1.5 GB).
build_jobs() {
  local cores memory_kib
  cores=$(nproc)
  memory_kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo 2>/dev/null)
  local fit=$((${memory_kib:-4000000} / 1500000))
  ((fit < 1)) && fit=1
  printf '%d' $((fit < cores ? fit : cores))
}

# configure PRESET [-DNAME=VALUE...]: only when CMake's files, the lists or the arguments have changed; ninja notices the rest by itself.
configure() {
  local preset=$1 key
  shift
  key=$(printf '%s\n' "$preset" "$root" "$venv" "$@" | cat - "$root"/tools/setup/*.txt "$root/CMakePresets.json" | sha256sum)
  [[ -e $build/build.ninja && $(cat "$build/configured" 2>/dev/null) == "$key" ]] && return 0
  local wheels=("$venv"/lib/python3*/site-packages)
  # A folder made elsewhere, or a checkout that has moved: CMake refuses its cache.
  if [[ -e $build/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles"
  fi
  logged "configuring" env -C "$root" cmake --preset "$preset" -B "$build" -DHEADRACE_WHEELS="${wheels[0]}" "$@" ||
    lacks "CMake could not configure the build; the reason is at the end of $setup_log"
  printf '%s\n' "$key" >"$build/configured"
}

# build_targets TARGET...: ninja's own status line on a terminal; in a pipe a line at each tenth, and whatever compilers say.
build_targets() {
  local jobs status=0
  jobs=$(build_jobs)
  if [[ -t 2 ]]; then
    in_group env NINJA_STATUS='headrace: building %f/%t ' ninja -C "$build" -j "$jobs" "$@" >&2 || status=$?
  else
    in_group build_in_pipe "$jobs" "$@" >&2 || status=$?
  fi
  return $status
}
build_in_pipe() {
  set -o pipefail
  env NINJA_STATUS='@%f/%t@' ninja -C "$build" -j "$1" "${@:2}" 2>&1 | awk -v began="$(date +%s)" '
    /^@[0-9]+\/[0-9]+@/ {
      split(substr($0, 2), part, /[\/@]/)
      done = part[1]; total = part[2]
      tenth = int(10 * done / total)
      if (tenth > said || (done == 1 && total > 1)) {
        "date +%s" | getline now; close("date +%s")
        printf "headrace: building %d/%d (%d s)\n", done, total, now - began; fflush()
        said = tenth
      }
      next
    }
    /^ninja: (Entering directory|no work to do)/ { next }
    { print; fflush() }'
}

# All that the program needs, and the stamp that lets the next start skip this file.
setup_program() {
  take_lock
  # Another launcher may have done it all while this one waited.
  if fresh; then
    drop_lock
    return 0
  fi
  local began=$SECONDS first=
  [[ -x $program ]] || first=1
  [[ -n $first ]] && say "first use: installing and building (about ten minutes on two cores; the log is $setup_log)"
  setup_packages "$root/tools/setup/apt.txt"
  setup_wheels "$root/tools/setup/requirements.txt"
  # The tests' switch stays as ./test has left it.
  local tests=OFF
  grep -qx 'HEADRACE_TESTS:BOOL=ON' "$build/CMakeCache.txt" 2>/dev/null && tests=ON
  configure release -DHEADRACE_TESTS=$tests
  touch "$stamp.next"
  build_targets program || lacks "the build failed; the compiler's words are above"
  [[ -x $program ]] || lacks "the build ended without $program"
  mv "$stamp.next" "$stamp"
  [[ -n $first ]] && say "ready after $((SECONDS - began)) s"
  drop_lock
}
