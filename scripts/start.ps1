# Sets up what is needed and starts Alisa; --help lists the options.
. (Join-Path $PSScriptRoot 'find_python.ps1')
$python = Find-Python
$rest = @($python | Select-Object -Skip 1)
& $python[0] @rest (Join-Path $PSScriptRoot 'start.py') @args
exit $LASTEXITCODE
