# Starts the hub alone and restarts it should it crash; arguments go to the hub.
& (Join-Path $PSScriptRoot 'start.ps1') --only hub @args
exit $LASTEXITCODE
