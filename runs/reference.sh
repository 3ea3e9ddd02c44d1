#!/bin/sh
# How the weights in the package are made, start to finish, from open data alone:
#
#     sh runs/reference.sh DATA [WORK]
#
# DATA holds textures/ucmerced, 2,100 aerial photographs in the public domain (Yang and Newsam 2010, from USGS
# imagery). The spectra are those of the package, which runs/make_reflectances.py computed. WORK, build/reference
# if not named, takes 3 GB. On two cores it takes twenty-five minutes. Every step goes on where it was cut short: run the
# same command again. It ends with the weights beside the figures of runs/score.py; runs/ship.py puts them into the package.
set -eu
DATA=$1
WORK=${2:-build/reference}
POTATO=${POTATO:-.venv/bin/potato}
mkdir -p "$WORK"

# Scenes with known truth. One photograph in ten is kept from training, by `make-scenes` itself.
"$POTATO" make-scenes "$WORK/scenes" -n 6000 --size 256 --seed 1 --photographs "$DATA/textures/ucmerced" -j 2
# Rare surfaces.
"$POTATO" fake-chips --chip-dir "$WORK/fake" -n 200 --size 256
[ -e "$WORK/pool" ] || "$POTATO" link-chips "$WORK/scenes" "$WORK/fake" "$WORK/pool"

# One thread learns fastest by the core; a loader keeps the other half busy.
OMP_NUM_THREADS=1 "$POTATO" train --sessions "$WORK/sessions" --session potato --chips "$WORK/pool" --no-instrument \
    --width 32 --depth 4 --seed 1 --epochs 8 --epoch-length 2000 --logical-batch 4 --physical-batch 4 --lr 2e-3 \
    --fringes 1.15 --strays 3.1 --vivid 1 --workers 1 --save-every 3
cp "$WORK/sessions/potato/7.safetensors" "$WORK/potato.safetensors"
"${PYTHON:-.venv/bin/python}" runs/score.py --weights "$WORK/potato.safetensors" --data "$DATA" \
    --photographs "$DATA/textures/ucmerced" --json "$WORK/score.json" --markdown "$WORK/score.md"
echo "to ship them: python runs/ship.py $WORK/potato.safetensors --scores $WORK/score.json"
