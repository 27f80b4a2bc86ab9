"""The `isthmus` command: one file per command or group of commands, each found by one line of `main`."""
