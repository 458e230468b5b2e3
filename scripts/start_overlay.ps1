# Starts her window alone; arguments go to it.
& (Join-Path $PSScriptRoot 'start.ps1') --only overlay @args
exit $LASTEXITCODE
