"""The connection to the public bucket."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from potato.doctor.finding import Finding
from potato.raster.aws import s3_server

BUCKET = "maxar-opendata"
"""S3 bucket in which Maxar publishes the ARD of disasters, readable without an account."""

TIMEOUT = 3.0
"""Seconds to wait for an answer; a check should be quick."""

LOCAL = "local files need no network"


def examine_bucket(timeout: float = TIMEOUT) -> Iterator[Finding]:
    """Check whether the public bucket answers without an account; being offline is only a note.

    GDAL's settings of an S3 server, `AWS_S3_ENDPOINT` and `AWS_HTTPS`, are respected.
    """
    server = s3_server(os.environ)
    address = f"{server.rstrip('/')}/{BUCKET}/" if server else f"https://{BUCKET}.s3.amazonaws.com/"
    try:
        with urllib.request.urlopen(f"{address}?list-type=2&max-keys=1", timeout=timeout):
            yield Finding("bucket", "fine", f"s3://{BUCKET} answers without an account")
    except urllib.error.HTTPError as error:
        found = f"s3://{BUCKET} refuses: {error.code} {error.reason} ({address})"
        yield Finding("bucket", "note", found, f"if you use a proxy, let it allow this address; {LOCAL}")
    except (OSError, HTTPException, ValueError) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        found = f"no answer from s3://{BUCKET} ({reason}): this machine is offline or behind a firewall"
        yield Finding("bucket", "note", found, f"set HTTPS_PROXY if there is a proxy; {LOCAL}")
