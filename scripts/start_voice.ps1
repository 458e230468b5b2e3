# Starts ears and voice alone; arguments go to them.
& (Join-Path $PSScriptRoot 'start.ps1') --only voice @args
exit $LASTEXITCODE
