# Read by the starters: find_python prints the Python to use, at least 3.11, or says what to do and fails.
# Each candidate is asked for its version, because a name alone proves nothing (version managers leave stubs).

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        if is_new_enough "$PYTHON"; then
            printf '%s\n' "$PYTHON"
            return 0
        fi
        echo "PYTHON is set to '$PYTHON', which is no Python 3.11 or newer: correct it or unset it." >&2
        return 1
    fi
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    echo "Alisa needs Python 3.11 or newer and found none: install it (Debian, Ubuntu: sudo apt install python3" \
        "python3-venv; otherwise python.org), or name it with PYTHON=/path/to/python3.12." >&2
    return 1
}
