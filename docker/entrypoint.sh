#!/bin/sh
# numba uses a cache only where it may also write: under a read-only root, the kernels compiled at build time move to /tmp.
set -eu
if [ ! -w "$NUMBA_CACHE_DIR" ]; then
  kernels=$(mktemp -d)
  cp -Rp "$NUMBA_CACHE_DIR/." "$kernels"
  export NUMBA_CACHE_DIR="$kernels"
fi
exec "$@"
