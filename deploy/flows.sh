#!/bin/sh
# Tells Prefect's server which flows there are, with their schedules. Done again it changes what has changed.
set -eu
for pool in local collect; do
  prefect work-pool create "$pool" --type process --overwrite
done
exec prefect --no-prompt deploy --all
