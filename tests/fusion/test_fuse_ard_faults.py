"""An ARD over HTTP and S3, with the faults of real servers, redirects and secrets."""

import json
import re
import shutil
from pathlib import Path

import pytest

import ards
import pairs
from fused_ards import fuse_inline
from potato import fuse
from potato.ard.broken import Broken
from potato.ard.walk import walk_ard
from potato.errors import ArdError
from potato.fusion.ard.manifest import MANIFEST, read_manifest
from servers import Fault, serve_bucket, serve_folder, spoil_bucket

SECRETS = ("wJalrXUtnFEMIK7MDENG", "AKIAIOSFODNN7EXAMPLE")


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    """Two tiles, with the collection by which a web server's items are found."""
    folder = tmp_path_factory.mktemp("source") / "event"
    ards.write_ard(folder / "ard", 2, 1)
    collect(folder)
    return folder


def collect(event: Path) -> None:
    items = sorted(path.relative_to(event).as_posix() for path in (event / "ard").rglob("10*.json"))
    links = [{"rel": "item", "href": f"./{item}"} for item in items]
    links.append({"rel": "item", "href": "./ard/11/000000000000/2024-01-01/1030010000000FFF.json"})
    (event / "collection.json").write_text(json.dumps({"type": "Collection", "links": links}))


@pytest.fixture(scope="module")
def local(event, tmp_path_factory):
    return fuse_inline(event, tmp_path_factory.mktemp("local") / "out")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("potato.raster.remote.PAUSES", (0.0, 0.0))
    monkeypatch.setattr("potato.ard.source.time.sleep", lambda seconds: None)


def pictures(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.tif")}


def pan_of(event: Path) -> str:
    return str(sorted(event.rglob("*-pan.tif"))[0].relative_to(event))


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_web_server_gives_the_same_pictures(event, local, tmp_path):
    with serve_folder(event) as server:
        made = fuse_inline(server.url + "collection.json", tmp_path / "out")
        images = sum(path.stat().st_size for path in event.rglob("*.tif"))
        assert server.sent < 1.2 * images
    assert made.complete and pictures(made.folder) == pictures(local.folder)
    # The link that leads nowhere is told and no more.
    assert len(made.broken) == 1 and "says 404" in made.broken[0].reason
    rows = read_manifest(made.folder).rows.values()
    assert 0.8 * images < sum(row.moved for row in rows) < 1.2 * images


@pytest.mark.parametrize("anonymous", [True, False])
def test_a_bucket_gives_the_same_pictures(event, local, tmp_path, anonymous, monkeypatch):
    with serve_bucket(event) as bucket:
        if not anonymous:
            monkeypatch.delenv("AWS_NO_SIGN_REQUEST")
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS[1])
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[0])
        made = fuse_inline(bucket, tmp_path / "out")
    assert made.complete and pictures(made.folder) == pictures(local.folder)
    assert not any(secret.encode() in everything(made.folder) for secret in SECRETS)
    item = json.loads(next(made.folder.glob("11/*/*/*.json")).read_text())
    origin = next(link["href"] for link in item["links"] if link["rel"] == "derived_from")
    assert origin.startswith("s3://ard/ard/11/")


WRONG = [
    (403, "403"),
    (404, "404|not exist"),
    (500, "500"),
    (503, "503"),
    (Fault("cut"), "network or the server fails"),
    (Fault("reset"), "network or the server fails"),
]


@pytest.mark.parametrize(("fault", "reason"), WRONG)
@pytest.mark.parametrize("place", ["web", "bucket"])
def test_a_tile_that_cannot_be_read_fails_alone_and_is_fused_later(
    event, local, tmp_path, place, fault, reason
):
    path = pan_of(event)
    if place == "web":
        with serve_folder(event) as server:
            check_retry(server, server.url, f"/{path}", fault, reason, local, tmp_path)
    else:
        with serve_bucket(event) as bucket, spoil_bucket() as server:
            check_retry(server, bucket, f"/ard/{path}", fault, reason, local, tmp_path)


def check_retry(server, source, path, fault, reason, local, tmp_path):
    server.faults[path] = fault
    made = fuse_inline(source, tmp_path / "out")
    assert (made.done, len(made.failed), made.complete) == (1, 1, False)
    assert re.search(reason, made.failed[0].reason)
    assert not [left for left in made.folder.rglob("*") if "partial" in left.name]
    server.faults.clear()
    server.requests.clear()
    again = fuse_inline(source, tmp_path / "out")
    assert (again.done, again.there, len(again.failed)) == (0, 1, 1)
    assert not [asked for asked in server.requests if ".tif" in asked[1]]
    last = fuse_inline(source, tmp_path / "out", retry_failed=True)
    assert (last.done, last.there, last.complete) == (1, 1, True)
    assert pictures(last.folder) == pictures(local.folder)


@pytest.mark.parametrize("kind", [503, 500, "cut", "reset"])
def test_temporary_faults_are_retried(event, local, tmp_path, kind, monkeypatch):
    with serve_folder(event) as server:
        server.faults[f"/{pan_of(event)}"] = fault = Fault(kind, times=2)
        server.faults[r"/ard/.*\.json"] = Fault(kind, times=2)
        server.faults["/collection.json"] = Fault(kind, times=2)
        made = fuse_inline(server.url, tmp_path / "out")
        assert fault.times == 0
    assert made.complete and pictures(made.folder) == pictures(local.folder)


def test_a_throttling_bucket_is_retried_after_growing_pauses(event, local, tmp_path, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")
    with serve_bucket(event) as bucket, spoil_bucket() as server:
        monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "3")
        server.faults[f"/ard/{pan_of(event)}"] = Fault(503, times=3)
        made = fuse_inline(bucket, tmp_path / "out")
    assert made.complete and pictures(made.folder) == pictures(local.folder)


def test_a_server_that_sends_too_slowly_is_given_up(event, tmp_path, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_LOW_SPEED_TIME", "1")
    with serve_folder(event) as server:
        server.faults[f"/{pan_of(event)}"] = Fault("trickle")
        items = sorted(path.relative_to(event).as_posix() for path in event.rglob("103*.json"))
        made = fuse_inline(server.url, tmp_path / "out", cids=[ards.CID])
        server.faults[f"/{items[0]}"] = Fault("trickle")
        monkeypatch.setattr("potato.ard.source.TIMEOUT", 1)
        monkeypatch.setattr("potato.ard.source.TRIES", 1)
        broken = [one for one in walk_ard(server.url) if isinstance(one, Broken)]
    assert (made.done, len(made.failed)) == (1, 1) and "network or the server" in made.failed[0].reason
    assert any("too slow" in one.reason for one in broken)


def test_an_item_that_cannot_be_fetched_now_is_a_failure_of_the_run(event, tmp_path, run, monkeypatch):
    with serve_folder(event) as server:
        server.faults[r"/ard/11/[0-3]*0/.*\.json"] = 503
        made = fuse_inline(server.url, tmp_path / "out")
        assert made.done == 1 and not made.complete and "says 503" in made.lost[0].reason
        server.faults.clear()
        # Unlike failed tiles, lost items are tried again without --retry-failed.
        assert fuse_inline(server.url, tmp_path / "out").complete


def test_an_unknown_host_is_named_in_the_error(tmp_path, event):
    with pytest.raises(ArdError, match=r"expected a collection.json .*nowhere.invalid"):
        fuse_inline("https://nowhere.invalid/event", tmp_path / "out")
    root = shutil.copytree(event, tmp_path / "event")
    relink(root, lambda name: f"https://nowhere.invalid/{name}")
    made = fuse_inline(root, tmp_path / "out", follow_links=True)
    assert made.done == 1 and "resolve" in made.failed[0].reason


def relink(event: Path, href) -> None:
    """Let the pan of the first item lie somewhere else."""
    item = sorted(event.rglob("103*.json"))[0]
    data = json.loads(item.read_text())
    asset = data["assets"]["pan_analytic"]
    asset["href"] = href(Path(asset["href"]).name)
    item.write_text(json.dumps(data))


@pytest.mark.parametrize("kind", ["host", "file", "above", "absolute"])
def test_links_out_of_the_source_are_not_followed(event, tmp_path, kind):
    root = shutil.copytree(event, tmp_path / "event")
    other = tmp_path / "other"
    other.mkdir()
    for pan in root.rglob("*-pan.tif"):
        shutil.copy(pan, other / pan.name)
    with serve_folder(root) as server, serve_folder(other) as elsewhere:
        ways = {
            "host": lambda name: elsewhere.url + name,
            "file": lambda name: f"file://{other}/{name}",
            "above": lambda name: f"../../../../../other/{name}",
            "absolute": lambda name: f"{other}/{name}",
        }
        relink(root, ways[kind])
        for place, source in (("web", server.url), ("folder", root)):
            made = fuse_inline(source, tmp_path / place)
            assert made.left_out == {"an href that leaves the ARD": 1} and made.done == 1
        assert not elsewhere.requests
        told = fuse_inline(server.url, tmp_path / "told", follow_links=True)
        # Even then only to where anybody may look.
        assert told.done == (2 if kind == "host" else 1)
        assert bool(elsewhere.requests) == (kind == "host")


SENT_ON = "its server sends us on to another host; use --follow-links if that is right"


@pytest.fixture
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def named(server) -> str:
    """The address of a server by another name, so that it is another host."""
    return server.url.replace("127.0.0.1", "localhost")


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("what", ["images", "items", "start"])
def test_a_server_that_redirects_to_another_host_is_not_followed(event, tmp_path, what):
    which = {"images": "/.*tif", "items": "/ard/.*json", "start": "/collection.json"}[what]
    with serve_folder(event) as server, serve_folder(event) as elsewhere:
        server.redirects[which] = named(elsewhere)
        if what == "images":
            made = fuse_inline(server.url, tmp_path / "out")
            assert made.done == 0 and len(made.failed) == 2
            assert SENT_ON in made.failed[0].reason
            assert not elsewhere.requests
            assert fuse_inline(server.url, tmp_path / "out", retry_failed=True, follow_links=True).done == 2
            assert elsewhere.requests
        else:
            with pytest.raises(ArdError, match="its server sends us on to another host"):
                fuse_inline(server.url, tmp_path / "out")
            assert not elsewhere.requests
            # Each request is made once: repeating it would end in the same redirect.
            asked = [path for _, path, *_ in server.requests if re.fullmatch(which, path)]
            assert len(asked) == len(set(asked))


@pytest.mark.usefixtures("no_proxies")
def test_a_server_that_redirects_only_later_requests_is_not_followed(event, tmp_path):
    with serve_folder(event) as server, serve_folder(event) as elsewhere:
        home = server.answer

        def answer(path, headers):
            if path.endswith(".tif") and not headers.get("range", "bytes=0-").startswith("bytes=0-"):
                return 302, {"Location": named(elsewhere).rstrip("/") + path}, b""
            return home(path, headers)

        server.answer = answer
        made = fuse_inline(server.url, tmp_path / "out")
        assert made.done == 0 and len(made.failed) == 2
        assert any(asked[1].endswith(".tif") and asked[3] == 206 for asked in server.requests)
        assert not elsewhere.requests
        assert fuse_inline(server.url, tmp_path / "out", retry_failed=True, follow_links=True).done == 2
        assert elsewhere.requests


def test_behind_a_proxy_a_redirect_of_the_first_request_is_noticed(event, tmp_path, monkeypatch):
    with serve_folder(event) as server, serve_folder(event) as elsewhere:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
        server.redirects["/.*-pan.tif"] = named(elsewhere)
        made = fuse_inline(server.url, tmp_path / "out")
        assert made.done == 0 and SENT_ON in made.failed[0].reason
        assert not elsewhere.requests
        server.redirects.clear()
    with serve_folder(event) as server:
        assert fuse_inline(server.url, tmp_path / "direct").done == 2


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    "command",
    [
        "doctor {ard}",
        "rate-cids {ard} -o {out}.csv",
        "make-chips --ard-dir {ard} --chip-dir {out} --size 32 --count 1",
        "fuse-ard {ard} {out} --weights predictor",
    ],
)
def test_no_command_follows_redirects_to_another_host_unless_told(command, event, run, tmp_path):
    with serve_folder(event) as server, serve_folder(event) as elsewhere:
        server.redirects["/.*tif"] = named(elsewhere)
        words = command.format(ard=server.url, out=tmp_path / "out").split()
        refused = run(*words)
        assert refused.exit_code in (1, 3) and SENT_ON in refused.stdout + refused.stderr
        assert not elsewhere.requests
        followed = run(*words, "--follow-links", *(["--retry-failed"] if words[0] == "fuse-ard" else []))
        assert SENT_ON not in followed.stdout + followed.stderr
        assert elsewhere.requests


def test_a_server_may_redirect_to_itself(event, local, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(event, root / "v2")
    with serve_folder(root) as server:
        server.redirects["/(?!v2/).*"] = server.url + "v2"
        made = fuse_inline(server.url, tmp_path / "out")
    assert made.complete and pictures(made.folder) == pictures(local.folder)


def test_a_copy_without_images_reads_those_of_the_original_if_told(event, tmp_path):
    root = shutil.copytree(event, tmp_path / "event")
    with serve_folder(event) as original:
        relink(root, lambda name: original.url + pan_of(event))
        (root / pan_of(event)).unlink()
        assert fuse_inline(root, tmp_path / "out").left_out == {"a missing file": 1}
        assert not original.requests
        assert fuse_inline(root, tmp_path / "out", follow_links=True).done == 1


def test_an_image_that_would_read_other_files_is_refused(event, tmp_path, run):
    root = shutil.copytree(event, tmp_path / "event")
    pan = sorted(root.rglob("*-pan.tif"))[0]
    shutil.move(pan, tmp_path / "secret.tif")
    with pairs.rasterio.open(tmp_path / "secret.tif") as file:
        pairs.rasterio.shutil.copy(file, tmp_path / "x.vrt", driver="VRT")
    shutil.move(tmp_path / "x.vrt", pan)
    pan.write_text(
        pan.read_text().replace('relativeToVRT="1">secret', f'relativeToVRT="0">{tmp_path}/secret')
    )
    fuse(pan, str(pan).replace("-pan", "-ms"), tmp_path / "asked.tif")
    made = fuse_inline(root, tmp_path / "out")
    assert made.done == 1 and "can't open pan" in made.failed[0].reason
    rated = run("rate-cids", root, "-o", tmp_path / "ratings.csv")
    told = run("doctor", root)
    assert all("can't open pan" in one.stdout for one in (rated, told)), rated.output + told.output


def test_secrets_of_addresses_are_written_nowhere(event, tmp_path, run):
    with serve_folder(event) as server:
        address = f"{server.url}{pan_of(event)}?X-Amz-Signature={SECRETS[0]}"
        made = run("fuse", address, address.replace("-pan", "-ms"), tmp_path / "o.tif")
        assert made.exit_code == 0, made.output
        gone = run("fuse", address.replace("-pan", "-no"), address, tmp_path / "p.tif")
        assert gone.exit_code == 1
        login = server.url.replace("://", f"://me:{SECRETS[0]}@")
        refused = run("fuse-ard", login, tmp_path / "out")
        listed = run("ls", login)
        assert refused.exit_code == listed.exit_code == 1
    with pairs.rasterio.open(tmp_path / "o.tif") as file:
        assert file.tags()["POTATO_PAN"].endswith("-pan.tif")
    text = made.output + gone.output + refused.output + listed.output
    assert SECRETS[0] not in text and SECRETS[0].encode() not in everything(tmp_path)


def test_secrets_of_linked_images_are_written_nowhere(event, tmp_path):
    root = shutil.copytree(event, tmp_path / "event")
    with serve_folder(event) as server:
        relink(root, lambda name: f"{server.url}none.tif?X-Amz-Signature={SECRETS[0]}")
        made = fuse_inline(root, tmp_path / "out", follow_links=True)
    assert made.done == 1 and "none.tif: HTTP response code: 404" in made.failed[0].reason
    assert SECRETS[0].encode() not in everything(made.folder) + str(made).encode()


@pytest.mark.parametrize(
    "command",
    [
        "ls {ard}",
        "doctor {ard} --tiles 0",
        "rate-cids {ard} -o {out}.csv --sheet {out}.html",
        "make-chips --ard-dir {ard} --chip-dir {out} --size 32 --count 1",
        "fuse-ard {ard} {out} --weights predictor --dry-run",
    ],
)
def test_secrets_of_links_that_are_not_followed_are_written_nowhere(command, event, tmp_path, run):
    root = shutil.copytree(event, tmp_path / "event")
    collection = json.loads((root / "collection.json").read_text())
    address = f"https://elsewhere.example/1/2.json?X-Amz-Signature={SECRETS[0]}"
    collection["links"].append({"rel": "item", "href": address})
    (root / "collection.json").write_text(json.dumps(collection))
    relink(root, lambda name: address)
    (tmp_path / "made").mkdir()
    with serve_folder(root) as server:
        told = run(*command.format(ard=server.url, out=tmp_path / "made" / "out").split())
    assert "leaves the ARD" in told.output
    assert SECRETS[0].encode() not in told.output.encode() + everything(tmp_path / "made")


def test_secrets_of_a_failing_bucket_are_written_nowhere(event, tmp_path, monkeypatch):
    with serve_bucket(event) as bucket, spoil_bucket() as server:
        monkeypatch.delenv("AWS_NO_SIGN_REQUEST")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS[1])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[0])
        server.faults[f"/ard/{pan_of(event)}"] = 500
        made = fuse_inline(bucket, tmp_path / "out")
    assert len(made.failed) == 1 and (made.folder / MANIFEST).exists()
    written = everything(tmp_path) + str(made).encode()
    assert not any(secret.encode() in written for secret in SECRETS)
