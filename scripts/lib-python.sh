# shellcheck shell=bash disable=SC2154 # root and the messages are lib.sh's
# Python environments: which lock a service takes on this machine, and how it is installed. Sourced by install.sh,
# after lib.sh; the working directory is the project folder.

index_patience_s=5

# --- which requirements ---------------------------------------------------------------------------------------

# requirements_of FOLDER BUILD : prints the file to install from; nothing: the folder names no packages.
requirements_of() {
  local file
  for file in "$1/requirements.lock" "$1/requirements.$2.txt" "$1/requirements.txt"; do
    if [[ -f $file ]]; then
      printf '%s\n' "$file"
      return
    fi
  done
}

# oldest_python FOLDER : the oldest Python that its packages take; a comment of its requirements may name a newer one than
# the project's own.
oldest_python() {
  local named
  named=$(cat "$1"/requirements.txt "$1"/requirements.cpu.in 2>/dev/null | sed -n -E 's/^# Python (3\.[0-9]+) and newer.*/\1/p' | head -n 1) || true
  printf '%s\n' "${named:-3.10}"
}

check_python() { # check_python FOLDER
  local oldest
  oldest=$(oldest_python "$1")
  python3 -c 'import sys; sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' "$oldest" ||
    die "$1 needs Python $oldest or newer; this is $(python3 --version)." "Put a newer python3 first on PATH, or take its model out of the models file."
}

is_lock() { [[ $1 == *.lock || $1 == *.cuda.txt || $1 == *.cpu.txt ]]; } # all versions, with hashes

torch_build() { # cpu or cuda
  case ${ROUNDHOUSE_TORCH:-auto} in
    cpu | cuda) printf '%s\n' "$ROUNDHOUSE_TORCH" ;;
    auto) if has_gpu; then echo cuda; else echo cpu; fi ;;
    *) die "ROUNDHOUSE_TORCH=$ROUNDHOUSE_TORCH is none of auto, cpu, cuda." "Leave it unset for the default (auto)." ;;
  esac
}

has_gpu() { timeout 10 nvidia-smi -L 2>/dev/null | grep -q '^GPU [0-9]'; }

# --- CUDA and the driver --------------------------------------------------------------------------------------

# The oldest driver for programs of a CUDA major version:
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
oldest_driver() {
  case $1 in
    13) echo 580 ;;
    12) echo 525 ;;
    11) echo 450 ;;
    *) return 1 ;;
  esac
}

cuda_of() { # cuda_of LOCK : the CUDA version that its packages bring, such as 13.0
  sed -n -E 's/^(cuda-toolkit|nvidia-cuda-runtime[a-z0-9-]*)==([0-9]+\.[0-9]+).*/\2/p' "$1" | head -n 1
}

# check_driver LOCK : dies where the driver of this machine's GPU is too old for the lock's CUDA. Without a GPU, as when an
# image is built, there is nothing to compare.
check_driver() {
  local cuda driver oldest
  cuda=$(cuda_of "$1")
  [[ -n $cuda ]] && has_gpu || return 0
  oldest=$(oldest_driver "${cuda%%.*}") || { warn "$1 brings CUDA $cuda; which driver that needs is not known here" && return 0; }
  driver=$(timeout 10 nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)
  if [[ ! $driver =~ ^[0-9]+\. ]]; then
    warn "nvidia-smi does not tell the driver's version; CUDA $cuda needs $oldest or newer"
  elif ((${driver%%.*} < oldest)); then
    die "$1 brings CUDA $cuda, which needs the NVIDIA driver $oldest or newer; this machine has $driver." \
      "Install a newer driver (on a rented machine: choose a host with CUDA ${cuda%%.*} or newer), or set ROUNDHOUSE_TORCH=cpu to run without the GPU."
  fi
}

# --- one environment ------------------------------------------------------------------------------------------

# environment_word REQUIREMENTS : changes when the environment has to be made anew: it knows its own path and its Python's
environment_word() {
  echo "$(requirements_hash "$1") $(python_word) $root"
}

requirements_hash() { # a requirements.txt takes in that of core
  if is_lock "$1"; then hash_of "$1"; else hash_of "$1" gpu-services/core/requirements.txt; fi
}

python_word() { python3 -c 'import sys; print(sys.version.split()[0], sys.base_prefix)'; }

make_environment() { # make_environment NAME REQUIREMENTS
  local bin=.venvs/$1/bin options=() requirements
  rm -rf ".venvs/$1"
  python3 -m venv ".venvs/$1" || return
  requirements=$(without_silent_index "$bin/pip" "$2") || return
  if is_lock "$2"; then options=(--no-deps --require-hashes); fi
  if [[ -n ${ROUNDHOUSE_WHEELS:-} ]]; then
    keep_wheels "$bin/pip" "$2" "$requirements" || return
    options+=(--no-index --find-links "$ROUNDHOUSE_WHEELS")
  fi
  quiet_pip "$bin/pip" install --progress-bar off --no-compile "${options[@]}" -r "$requirements" || return
  compile_packages "$bin/python" ".venvs/$1/lib"
  "$bin/python" gpu-services/core/install_pth.py
}

# compile_packages PYTHON FOLDER : on all cores; pip's own way, on one, takes longer than all else it does. What is
# written for another Python cannot be compiled, and need not be.
compile_packages() {
  echo "compiling the packages"
  "$1" -m compileall -qq -j 0 -x '/tests/' "$2" || true
}

quiet_pip() { "$1" --disable-pip-version-check "${@:2}"; }

# without_silent_index PIP REQUIREMENTS : prints the file, or a copy without the further index that it names. Pip asks each
# index for each package, and one that does not answer five times over, which takes minutes. What is on it then has to
# come from pip's own configuration; the hashes are checked either way.
without_silent_index() {
  local pip=$1 requirements=$2 url copy
  url=$(sed -n -E 's/^--extra-index-url[ =]+([^ ]+).*/\1/p' "$requirements" | head -n 1)
  if [[ -z $url ]] || wheels_are_whole "$requirements" || index_answers "$pip" "$url"; then
    printf '%s\n' "$requirements"
    return
  fi
  echo "$url does not answer: its packages are taken from pip's own configuration" >&2
  copy=.runtime/without-index-$(basename "$(dirname "$requirements")").txt
  sed '/^--extra-index-url/d' "$requirements" >"$copy" && printf '%s\n' "$copy"
}

index_answers() { # index_answers PIP URL
  local cert=()
  if [[ -n ${PIP_CERT:-} ]]; then cert=(--cert "$PIP_CERT"); fi
  "$1" --isolated --disable-pip-version-check "${cert[@]}" --retries 0 --timeout "$index_patience_s" \
    index versions torch --index-url "$2" >/dev/null 2>&1
}

# --- wheels for the next machine ------------------------------------------------------------------------------

wheels_mark() { # wheels_mark REQUIREMENTS : the file that says that all its wheels for this kind of Python are there
  local kind
  kind=$(python3 -c 'import platform, sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}")')
  printf '%s\n' "$ROUNDHOUSE_WHEELS/.whole/$(requirements_hash "$1")-$kind"
}

wheels_are_whole() { [[ -n ${ROUNDHOUSE_WHEELS:-} && -f $(wheels_mark "$1") ]]; }

keep_wheels() { # keep_wheels PIP REQUIREMENTS USED : USED is the copy to download by
  local mark
  if wheels_are_whole "$2"; then
    echo "all wheels of $2 are in $ROUNDHOUSE_WHEELS"
    return
  fi
  mark=$(wheels_mark "$2")
  mkdir -p "$(dirname "$mark")" || return
  if is_lock "$2"; then
    quiet_pip "$1" download --progress-bar off --no-deps --require-hashes --only-binary :all: -r "$3" -d "$ROUNDHOUSE_WHEELS" || return
  else
    quiet_pip "$1" wheel --progress-bar off -r "$3" -w "$ROUNDHOUSE_WHEELS" || return
  fi
  touch "$mark"
}
