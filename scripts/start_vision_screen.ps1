# Starts the screen reader alone; arguments go to it.
& (Join-Path $PSScriptRoot 'start.ps1') --only vision-screen @args
exit $LASTEXITCODE
