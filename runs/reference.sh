#!/bin/sh
# How weights are made, start to finish, from open data alone; those in the package are the mean of an older line's
# (docs/model-card.md), which is still a little better:
#
#     sh runs/reference.sh DATA [WORK]
#
# DATA holds textures/ucmerced, 2,100 aerial photographs in the public domain (Yang and Newsam 2010, from USGS
# imagery). The spectra are those of the package, which runs/make_reflectances.py computed. WORK, build/reference
# if not named, takes 2 GB. On two cores it takes 25 minutes. Every step goes on where it was cut short: run the
# same command again. It ends with the weights beside the figures of runs/score.py; runs/ship.py puts them into the package.
set -eu
DATA=$1
WORK=${2:-build/reference}
POTATO=${POTATO:-.venv/bin/potato}
mkdir -p "$WORK"

# Scenes with known truth. One photograph in ten is kept from training, by `make-scenes` itself.
"$POTATO" make-scenes "$WORK/scenes" -n 3000 --size 256 --seed 1 --photographs "$DATA/textures/ucmerced" -j 2
# Rare surfaces.
"$POTATO" fake-chips --chip-dir "$WORK/fake" -n 200 --size 256
[ -e "$WORK/pool" ] || "$POTATO" link-chips "$WORK/scenes" "$WORK/fake" "$WORK/pool"

learn() {
    # One thread learns fastest by the core; a loader keeps the other half busy.
    OMP_NUM_THREADS=1 "$POTATO" train --sessions "$WORK/sessions" --chips "$WORK/pool" --no-instrument \
        --width 32 --depth 4 --seed 1 --epoch-length 2000 --logical-batch 4 --physical-batch 4 --workers 1 \
        --save-every 3 "$@"
}
# First what is true, by ΔE alone: who is asked for more from the start never gets as near (dev/LOG.md).
learn --session true --epochs 12 --lr 2e-3 --fringes 0
# Then what people mind most: fringes, and ghosts beside edges.
learn --session clean --load-from true/11 --epochs 3 --lr 1e-3 --fringes 0.7 --strays 0.3

cp "$WORK/sessions/clean/14.safetensors" "$WORK/potato.safetensors"
"${PYTHON:-.venv/bin/python}" runs/score.py --weights "$WORK/potato.safetensors" --data "$DATA" \
    --photographs "$DATA/textures/ucmerced" --json "$WORK/score.json" --markdown "$WORK/score.md"
echo "to ship them: python runs/ship.py $WORK/potato.safetensors --scores $WORK/score.json"
