#!/usr/bin/env bash
# The whole pipeline in under two minutes of one core: generate an ARD, cut chips, link a pool, train two
# epochs, fuse a pair with the new checkpoint, check a chip. CI runs it.
#
#   runs/tiny.sh [FOLDER]      FOLDER is new or empty; by default a temporary one, removed at the end
#
# POTATO names the command to run, by default `potato`.
set -euo pipefail

potato=${POTATO:-potato}
if [ $# -gt 0 ]; then
    folder=$1
    mkdir -p "$folder"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
cd "$folder"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

$potato make-ard ards/tiny --tiles 3 --size 1360
$potato make-chips --ard-dir ards/tiny --chip-dir chips/tiny -n 24 --size 128
$potato make-scenes chips/scenes -n 12 --size 128
$potato link-chips chips/tiny chips/scenes chips/pool --split 0.75
$potato train --session tiny --chips chips/pool/train --test-chips chips/pool/test \
    --no-instrument --epochs 2 --epoch-length 160 --lr 2e-3

weights=sessions/tiny/1.safetensors
pan=$(find ards/tiny -name '*-pan.tif' | sort | head -n 1)
$potato fuse "$pan" "${pan%-pan.tif}-ms.tif" sharp.tif --weights "$weights"
$potato check chips/pool/test/0.pt --weights "$weights" --fail-above 5
