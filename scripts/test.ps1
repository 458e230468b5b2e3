# Sets up what the tests need and runs every check; arguments go to pytest.
. (Join-Path $PSScriptRoot 'find_python.ps1')
$python = Find-Python
$rest = @($python | Select-Object -Skip 1)
& $python[0] @rest (Join-Path $PSScriptRoot 'test.py') @args
exit $LASTEXITCODE
