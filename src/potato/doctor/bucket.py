"""The line to the public bucket."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from potato.doctor.finding import Finding

BUCKET = "maxar-opendata"
"""Where Maxar publishes the ARD of disasters, for everybody, without an account."""

TIMEOUT = 3.0
"""Seconds to wait for an answer: this is a look, no download."""

LOCAL = "local files need no network"


def examine_bucket(timeout: float = TIMEOUT) -> Iterator[Finding]:
    """Whether the public bucket answers somebody without an account.

    GDAL's settings of an S3 server (`AWS_S3_ENDPOINT`, `AWS_HTTPS`) decide here too. To be offline is not
    wrong.
    """
    endpoint = os.environ.get("AWS_S3_ENDPOINT", "")
    address = f"https://{BUCKET}.s3.amazonaws.com/"
    if endpoint:
        secure = os.environ.get("AWS_HTTPS", "YES").upper() not in ("NO", "FALSE", "0")
        server = endpoint if "://" in endpoint else f"http{'s' * secure}://{endpoint}"
        address = f"{server.rstrip('/')}/{BUCKET}/"
    try:
        with urllib.request.urlopen(f"{address}?list-type=2&max-keys=1", timeout=timeout):
            yield Finding("bucket", "fine", f"s3://{BUCKET} answers without an account")
    except urllib.error.HTTPError as error:
        yield Finding(
            "bucket",
            "note",
            f"s3://{BUCKET} refuses: {error.code} {error.reason} ({address})",
            "if a proxy stands between, ask it to let this address through; " + LOCAL,
        )
    except (OSError, HTTPException, ValueError) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        yield Finding(
            "bucket",
            "note",
            f"no answer from s3://{BUCKET} ({reason}): this machine is offline, or a firewall stands between",
            "set HTTPS_PROXY if there is a proxy; " + LOCAL,
        )
