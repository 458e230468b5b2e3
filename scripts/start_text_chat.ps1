# Opens the terminal chat with a hub that runs already; arguments go to the chat.
& (Join-Path $PSScriptRoot 'start.ps1') --only chat @args
exit $LASTEXITCODE
