# Starts the camera's part alone; arguments go to it.
& (Join-Path $PSScriptRoot 'start.ps1') --only vision @args
exit $LASTEXITCODE
