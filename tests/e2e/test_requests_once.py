"""Requests to the daemon are carried out once and answered, whenever the daemon dies (P1, P2, P3)."""

from __future__ import annotations

import json
import os
import signal

from tests.e2e.site import Site


def ask(site: Site, name: str, **request: object) -> None:
    partial = site.write(f"var/control/.{name}.part", json.dumps(request))
    partial.rename(site.var / "control" / f"{name}.json")


def receipt(site: Site, name: str) -> dict[str, object]:
    path = site.var / "receipts" / f"{name}.json"
    return dict(site.until("the receipt", lambda: path.exists() and json.loads(path.read_text())))


def kill(site: Site) -> None:
    assert site.daemon is not None
    site.daemon.send_signal(signal.SIGKILL)
    site.daemon.wait()
    site.daemon = None


def test_a_receipt_that_a_crash_kept_from_being_written_is_written_by_the_next_daemon(site: Site) -> None:
    site.configure({"a": {"command": "true"}})
    site.start()
    ask(site, "rest", action="pause", job="a", id="rest-1")
    told = receipt(site, "rest-1")
    ask(site, "twice", action="skip_next", job="a", id="no-schedule")
    refused = receipt(site, "no-schedule")
    kill(site)
    for name in ("rest-1", "no-schedule"):
        (site.var / "receipts" / f"{name}.json").unlink()
    site.start()
    assert receipt(site, "rest-1") == told and told["state"] == "completed"
    assert receipt(site, "no-schedule") == refused and refused["state"] == "refused"


def test_a_request_whose_file_comes_back_is_not_carried_out_again(site: Site) -> None:
    """A crash between the row and the removal of the claim; or a power cut, which undid the removal."""
    site.configure({"a": {"command": "true"}})
    site.start()
    site.drop("a")
    run_id = site.ended("a")[0]["run_id"]
    kept = site.write("var/kept", json.dumps({"action": "retry", "run": run_id, "id": "again-1"}))
    os.link(kept, site.var / "control/again.json")
    site.ended("a", 2)
    ((token,),) = site.rows("select token from requests")
    kill(site)
    claim = site.var / "claimed" / f"{token.partition('+')[0]}.1.c.,again.json"
    os.link(kept, claim)
    site.start()
    site.until("the removal of the claim", lambda: not claim.exists() and not list((site.var / "claimed").iterdir()))
    site.drop("a", {"id": "mark"})
    site.ended("a", 3)
    assert len(site.runs("a")) == 3 and site.refused("control") == {}


def test_a_request_to_prune_is_begun_again_when_it_was_not_finished(site: Site) -> None:
    site.configure({"a": {"command": "true"}}, retention={"count": 1})
    site.start()
    kill(site)
    site.write("var/claimed/1-2-3.1.c.,prune.json", json.dumps({"action": "prune", "id": "prune-1"}))
    site.start()
    assert receipt(site, "prune-1")["state"] == "completed"
    site.until("the removal of the claim", lambda: not list((site.var / "claimed").iterdir()))
