#!/bin/sh
# Makes target/python, a Python of this clone's own with the clients that judge the sinks, if it is not there yet.
# Needs python3-venv, which ./test installs.
set -eu
cd "$(dirname "$0")/.."

wanted="nats-py==2.16.0"
if [ "$(cat target/python/wanted 2>/dev/null)" != "$wanted" ]; then
    mkdir -p target
    /usr/bin/python3 -m venv --clear target/python
    # shellcheck disable=SC2086 # a list of words
    target/python/bin/pip install --quiet --disable-pip-version-check $wanted >&2
    echo "$wanted" >target/python/wanted
fi
