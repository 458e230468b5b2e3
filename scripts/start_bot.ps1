# Starts the live chat alone; arguments go to it.
& (Join-Path $PSScriptRoot 'start.ps1') --only bot @args
exit $LASTEXITCODE
