# Installs what is missing from outside with apt-get or brew. To be sourced by a script that defines `collect`, which
# calls `need` for each thing that is missing.

script="${0##*/}"
missing=()      # what is missing, in words
apt_packages=() # and what provides it
brew_packages=()

# Where headers may be besides what pkg-config knows. The variable is for the scripts' own tests.
read -r -a header_folders <<< "${SETUP_HEADER_FOLDERS:-/usr/include /usr/local/include /opt/homebrew/include}"
if command -v xcrun > /dev/null 2>&1; then header_folders+=("$(xcrun --show-sdk-path 2> /dev/null)/usr/include"); fi

need() { # need WORDS APT-PACKAGE BREW-PACKAGE; an empty package means that this system cannot provide it
    missing+=("$1")
    if [ -n "$2" ]; then apt_packages+=("$2"); fi
    if [ -n "$3" ]; then brew_packages+=("$3"); fi
}

have() { command -v "$1" > /dev/null 2>&1; }

have_library() { # have_library PKG-CONFIG-NAME HEADER
    if have pkg-config && pkg-config --exists "$1"; then return 0; fi
    local folder
    for folder in "${header_folders[@]}"; do
        if [ -f "$folder/$2" ]; then return 0; fi
    done
    return 1
}

tell_missing() {
    local item
    for item in "${missing[@]}"; do echo "$script: missing: $item" >&2; done
}

collect_again() {
    missing=()
    apt_packages=()
    brew_packages=()
    collect
}

install_missing() {
    collect_again
    if [ "${#missing[@]}" -eq 0 ]; then return 0; fi

    if have apt-get; then
        local as_root=()
        if [ "$(id -u)" -ne 0 ]; then
            if ! have sudo; then
                tell_missing
                echo "$script: not root, and there is no sudo; install these: ${apt_packages[*]}" >&2
                exit 1
            fi
            as_root=(sudo)
        fi
        echo "$script: installing ${apt_packages[*]}"
        ${as_root[@]+"${as_root[@]}"} apt-get update -qq
        ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${apt_packages[@]}" > /dev/null
    elif have brew; then
        echo "$script: installing ${brew_packages[*]}"
        brew install --quiet "${brew_packages[@]}"
    else
        tell_missing
        echo "$script: there is neither apt-get nor brew here; install these by hand" >&2
        exit 1
    fi

    collect_again
    if [ "${#missing[@]}" -gt 0 ]; then
        tell_missing
        echo "$script: still missing after the installation" >&2
        exit 1
    fi
}
