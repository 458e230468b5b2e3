# Read by the starters: Find-Python returns the command line of the Python to use, at least 3.11, or ends with a sentence.
# Each candidate is asked for its version, because a name alone proves nothing (the Store leaves stubs).

function Test-Python {
    param([string[]] $Command)
    if (-not (Get-Command $Command[0] -ErrorAction SilentlyContinue)) {
        return $false
    }
    $rest = @($Command | Select-Object -Skip 1)
    & $Command[0] @rest -c 'import sys; sys.exit(sys.version_info < (3, 11))' *> $null
    return $LASTEXITCODE -eq 0
}

function Find-Python {
    if ($env:PYTHON) {
        if (Test-Python @($env:PYTHON)) {
            return , @($env:PYTHON)
        }
        [Console]::Error.WriteLine("PYTHON is set to '$env:PYTHON', which is no Python 3.11 or newer: correct it or unset it.")
        exit 2
    }
    $candidates = @(
        @('py', '-3.13'),
        @('py', '-3.12'),
        @('py', '-3.11'),
        @('py', '-3'),
        @('python3'),
        @('python')
    )
    foreach ($candidate in $candidates) {
        if (Test-Python $candidate) {
            return , @($candidate)
        }
    }
    [Console]::Error.WriteLine('Alisa needs Python 3.11 or newer and found none: install it from python.org, or name it with $env:PYTHON.')
    exit 2
}
