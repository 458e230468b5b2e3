# Starts everything that this version has; arguments as for start.
& (Join-Path $PSScriptRoot 'start.ps1') --all @args
exit $LASTEXITCODE
