#!/bin/sh
# Make the weights of a band set, start to finish, from open data alone:
#
#     sh runs/reference.sh SET DATA [WORK]
#
# SET is worldview, legion, bgrn, neo, landsat or landsat-bgrn. DATA holds textures/ucmerced, 2,100 aerial
# photographs in the public domain (Yang and Newsam 2010, from USGS imagery). The spectra are those of the
# package, computed by runs/make_reflectances.py, and runs/fit_planes.py made what sensors see of them. WORK,
# build/reference/SET by default, takes 3 GB; the run takes 25 minutes on two cores, and gives the same bits
# every time. After an interruption, repeat the command: every step goes on from its last save. The results are
# the weights and the figures of runs/score.py; runs/ship.py puts the weights into the package.
set -eu
SET=$1
DATA=$2
WORK=${3:-build/reference/$SET}
POTATO=${POTATO:-.venv/bin/potato}
mkdir -p "$WORK"

# Scenes with known truth. `make-scenes` keeps one photograph in ten from training.
"$POTATO" make-scenes "$WORK/scenes" --sensor "$SET" -n 5000 --size 256 --seed 1 \
    --photographs "$DATA/textures/ucmerced" -j 2

# What weighs in the loss, and how much of the changes of L, and of a and b, is kept: dev/LOG.md has the trials.
CHIPS=$WORK/scenes EPOCHS=10 SHARES='0.6 1'
TERMS='--fringe-weight 12 --ghost-weight 3.1 --saturated-weight 1 --caution-weight 1'
case $SET in
worldview)
    TERMS='--fringe-weight 5 --ghost-weight 4 --saturated-weight 1.5' SHARES='1 1'
    # Rare surfaces.
    "$POTATO" fake-chips --sensor "$SET" --chip-dir "$WORK/fake" -n 200 --size 256
    CHIPS=$WORK/pool
    [ -e "$CHIPS" ] || "$POTATO" link-chips "$WORK/scenes" "$WORK/fake" "$CHIPS"
    ;;
landsat*) EPOCHS=8 SHARES='0.8 0.5' ;;
neo | legion) EPOCHS=5 ;;
esac

# One thread trains at the highest speed per core; a loader process uses the other core.
train() {
    OMP_NUM_THREADS=1 "$POTATO" train --sessions "$WORK/sessions" --no-instrument --workers 1 --save-every 3 "$@"
}
train --session potato --chips "$CHIPS" --width 32 --depth 4 --seed 1 --epochs $EPOCHS --epoch-length 2000 \
    --batch-size 4 --lr 2e-3 $TERMS
LAST=$WORK/sessions/potato/latest.safetensors

# Last, new scenes and chips by Wald's protocol of whole simulated tiles, which make WorldView-3 truer.
if [ "$SET" = worldview ]; then
    [ -e "$WORK/ard" ] || "$POTATO" make-ard "$WORK/ard" --area 22 --seed 11
    "$POTATO" make-chips --ard-dir "$WORK/ard" --chip-dir "$WORK/tiles" -n 300 --size 128 --no-extra-halving
    train --session finish --load-from potato --chips "$WORK/tiles" --scenes 0.5 \
        --photographs "$DATA/textures/ucmerced" --epochs 2 --epoch-length 1000 \
        --batch-size 1 --lr 1e-4 --fringe-weight 12 --ghost-weight 4 --saturated-weight 1.5 --caution-weight 0.2
    LAST=$WORK/sessions/finish/latest.safetensors
fi
PYTHON=${PYTHON:-.venv/bin/python}
"$PYTHON" runs/shrink.py "$LAST" $SHARES "$WORK/$SET.safetensors"
"$PYTHON" runs/score.py --weights "$WORK/$SET.safetensors" --data "$DATA" \
    --photographs "$DATA/textures/ucmerced" --json "$WORK/score.json" --markdown "$WORK/score.md"
echo "to ship them: python runs/ship.py $SET $WORK/$SET.safetensors --scores $WORK/score.json"
