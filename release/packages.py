"""Build the source distribution and the wheel, with identical bytes each time.

    python release/packages.py dist

setuptools takes the time of a wheel's files from SOURCE_DATE_EPOCH, but not that of a source
distribution's. This script packs that again: sorted, with one time and without owners.
"""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Build both into the folder that the command line names, which must be empty or absent."""
    folder = Path(sys.argv[1]).absolute()
    if folder.is_dir() and any(folder.iterdir()):
        raise SystemExit(f"{folder}: expected an empty folder; remove it, then build again")
    # Debug information would hold the name of the temporary folder in which a compiler runs.
    environment = {"CFLAGS": "-g0"} | os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    run = [sys.executable, "-m", "build", "--outdir", str(folder)]
    subprocess.run([*run, "--sdist", str(REPOSITORY)], env=environment, check=True)
    (sdist,) = folder.glob("*.tar.gz")
    sdist.write_bytes(packed_again(sdist.read_bytes(), epoch()))
    # From the source distribution, which so proves to be whole.
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(sdist)]
    subprocess.run(wheel, env=environment, check=True)


def epoch() -> int:
    """SOURCE_DATE_EPOCH, or else the time of the last commit, in seconds since 1970."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    last = ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    return int(subprocess.run(last, capture_output=True, text=True, check=True).stdout)


def packed_again(archive: bytes, time: int) -> bytes:
    """Pack a `.tar.gz` so that its bytes depend on the names and contents of its files alone.

    Args:
        archive: bytes of the archive.
        time: seconds since 1970, for all its files.
    """
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=time) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for one in sorted(old, key=lambda member: member.name):
            one.mtime, one.uid, one.gid, one.uname, one.gname, one.pax_headers = time, 0, 0, "", "", {}
            one.mode = 0o755 if one.isdir() or one.mode & 0o100 else 0o644
            new.addfile(one, old.extractfile(one) if one.isfile() else None)
    return packed.getvalue()


if __name__ == "__main__":
    main()
