"""The pages of chains, orchestrations, callbacks and of the life of a run: what they say, and which a change writes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsari_like.core.expression import parse
from dsari_like.core.flow_messages import SaveFlow, SaveReady
from dsari_like.core.flows import Chains, EventTrigger, Flow, FlowKind, Orchestration, Phase, Ready, Repair, Task
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Job
from dsari_like.core.reactions import Call, Callback, CallState, Language, SaveLatches
from dsari_like.core.secrets import Secrets
from dsari_like.store import calls
from dsari_like.store.flowlog import write_flow
from tests.shell.test_report import (
    ATTACK,
    FRONT,
    INDEX,
    NOON,
    STATE,
    TIMES,
    Place,
    _Tags,
    files_for_machines,
    files_of_job,
    files_of_run,
    job,
    links_of,
    words_of,
)

CHAINS = Chains({"unpack": "fetch", "check": "unpack", "index": "check"},
                {"fetch": ("unpack",), "unpack": ("check",), "check": ("index",)})  # fmt: skip
NIGHTLY = Orchestration(
    "nightly",
    (
        Phase("read", (Task("orders", "orders"), Task("prices", "prices"))),
        Phase("build", (Task("tables", "tables"),)),
    ),
)


class House(Place):
    """A place with flows and callbacks: rows as the daemon writes them."""

    def link(self, run_id: str, **columns: Any) -> None:
        """What hangs a run into a flow."""
        self.history.revision += 1
        columns = {"revision": self.history.revision, **columns}
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        self.history.connection.execute(f"update runs set {sets} where run_id = :run", {**columns, "run": run_id})

    def flow(self, flow_id: str, kind: FlowKind, name: str, state: str, at: float, until: float | None = None) -> None:
        flow = Flow(flow_id, kind, name, RunState(state), at, until, {"PASSWORD": "hunter2", "ROWS": 7})
        write_flow(self.history.connection, SaveFlow(flow))

    def step(
        self, name: str, run_id: str, status: str, at: float, before: str | None, flow: str, **columns: Any
    ) -> None:
        output = columns.pop("output", None)
        data = {"type": "chain", **columns.pop("data", {})}
        self.history.run(name, run_id, status, at=at, data=data, trigger_type="chain", output=output)
        self.link(run_id, flow_id=flow, previous_run_id=before, **columns)

    def task(self, phase: str, name: str, run_id: str, status: str, at: float, parent: str, **columns: Any) -> None:
        data = {"orchestration": "nightly", "phase": phase, "task": name}
        self.history.run(name, run_id, status, at=at, data=data, trigger_type="orchestration")
        self.link(run_id, flow_id=parent, previous_run_id=parent, **columns)

    def call(self, callback_id: str, run_id: str, job_name: str, state: CallState, **fields: Any) -> None:
        run = {"run_id": run_id, "job_name": job_name}
        event = {"text": f"failed-job-{job_name}", "run": run}
        made = Call(callback_id, f"{job_name}/tell", run_id, job_name, "failed-job-self and done-job-self", event,
                    Language.SHELL, "echo told", NOON, state=state, start_time=NOON, stop_time=NOON + 1, exit_code=0,
                    latches={"failed-job-self": (NOON, run_id), "done-job-self": (NOON, run_id)})  # fmt: skip
        calls.save(self.history.connection, replace(made, **fields))


def chained(tmp_path: Path, **settings: Any) -> House:
    """A chain of four steps, one of them disabled."""
    off = job("check", after="unpack", enabled=False)
    jobs = [job("fetch", description="Begins"), job("unpack", after="fetch"), off, job("index", after="check")]
    jobs.append(job("other"))
    return House(tmp_path, *jobs, chains=CHAINS, **settings)


def failed_chain(house: House) -> None:
    """Its second step fails."""
    house.step("fetch", "f1", "completed", NOON, None, "f1")
    house.step("unpack", "u1", "failed", NOON + 2, "f1", "f1", output=b"tar: error in archive\n")
    house.flow("f1", FlowKind.CHAIN, "fetch", "failed", NOON, NOON + 3)


def orchestrated(tmp_path: Path) -> House:
    jobs = [Job("nightly", (), flow=NIGHTLY, description="All of it"), job("orders"), job("prices"), job("tables")]
    return House(tmp_path, *jobs)


# --- chains -------------------------------------------------------------------------------------------------------


def test_item4_the_page_of_a_chain_says_in_one_sentence_what_failed_and_what_was_not_executed(tmp_path: Path) -> None:
    house = chained(tmp_path)
    failed_chain(house)
    house.render()
    page = house.page("chains/fetch/index.html")
    said = words_of(page)
    assert (
        "Failed after 3.0 s: unpack failed, the command ended with exit code 1; check, index were not executed." in said
    )
    assert "unpack printed: tar: error in archive" in said
    assert "check is disabled: it is passed over" in said
    assert "retry u1" in said
    assert '<g class="box bad">' in page and '<g class="box odd faint">' in page
    assert "unpack: failed; the command ended with exit code 1" in page


def test_C11_a_step_that_was_passed_over_is_told_with_the_decision(tmp_path: Path) -> None:
    house = chained(tmp_path)
    house.step("fetch", "f1", "completed", NOON, None, "f1")
    house.step("unpack", "u1", "completed", NOON + 2, "f1", "f1")
    house.history.decision("check", "skipped", NOON + 3, reason="the step is disabled; the chain goes on with index")
    house.step("index", "i1", "completed", NOON + 3, "u1", "f1")
    house.flow("f1", FlowKind.CHAIN, "fetch", "completed", NOON, NOON + 4)
    house.render()
    said = words_of(house.page("chains/fetch/f1/index.html"))
    assert "Completed in 4.0 s." in said
    assert "check was passed over: the step is disabled; the chain goes on with index." in said


def test_C12_a_repaired_chain_says_what_to_write(tmp_path: Path) -> None:
    repair = Repair("index", ("check",), "unpack")
    chains = Chains({"unpack": "fetch", "index": "unpack"}, {"fetch": ("unpack",), "unpack": ("index",)}, (repair,))
    house = House(tmp_path, job("fetch"), job("unpack"), job("index"), chains=chains)
    house.render()
    said = words_of(house.page("chains/fetch/index.html"))
    assert "It has not run yet. This is its plan: 3 steps." in said
    assert "Repaired: index: the step &#39;check&#39; before it is gone" in said and "after: unpack" in said


def test_a_chain_that_was_begun_behind_its_head_says_so(tmp_path: Path) -> None:
    house = chained(tmp_path)
    house.step("index", "i1", "completed", NOON, None, "i1")
    house.flow("i1", FlowKind.CHAIN, "fetch", "completed", NOON, NOON + 1)
    house.render()
    parts = json.loads(house.page("chains/fetch/i1/index.json"))["parts"]
    assert [part["status"] for part in parts] == ["left out", "left out", "left out", "completed"]


def test_pages_of_runs_and_jobs_lead_into_the_chain_and_along_it(tmp_path: Path) -> None:
    house = chained(tmp_path)
    failed_chain(house)
    house.render()
    assert "../../../chains/fetch/f1/index.html" in links_of(house.page("jobs/unpack/u1/index.html")).links
    assert "../../../jobs/fetch/f1/index.html" in links_of(house.page("jobs/unpack/u1/index.html")).links
    assert "../../../jobs/unpack/u1/index.html" in links_of(house.page("jobs/fetch/f1/index.html")).links
    assert "../../chains/fetch/index.html" in links_of(house.page("jobs/index/index.html")).links
    assert "this job" in house.page("jobs/index/index.html")


def test_one_finished_step_writes_its_own_pages_and_those_of_its_flow(tmp_path: Path) -> None:
    house = chained(tmp_path)
    failed_chain(house)
    house.history.run("other", "o1", at=NOON)
    house.step("unpack", "u2", "running", NOON + 10, "f1", "f1", retry_of="u1", attempt=2)
    house.flow("f1", FlowKind.CHAIN, "fetch", "running", NOON)
    house.render()
    house.step("unpack", "u2", "completed", NOON + 10, "f1", "f1", retry_of="u1", attempt=2)
    house.flow("f1", FlowKind.CHAIN, "fetch", "completed", NOON, NOON + 11)
    written = house.render()
    own = files_of_run("unpack", "u2") | files_of_job("unpack", 1) | files_for_machines("unpack")
    flow = {
        f"chains/fetch/{name}" for name in ("index.html", "index.json", "f1/index.html", "f1/index.json", "page-1.html")
    }
    assert written <= own | flow | {"flows.html", "flows.json"} | FRONT | INDEX | TIMES | STATE
    assert own | flow <= written


# --- orchestrations -----------------------------------------------------------------------------------------------


def test_an_orchestration_that_never_ran_shows_its_plan(tmp_path: Path) -> None:
    house = orchestrated(tmp_path)
    house.render()
    page = house.page("orchestrations/nightly/index.html")
    assert "It has not run yet. This is its plan: 3 tasks." in words_of(page)
    assert 'class="head"' in page and page.count('class="box still faint"') == 3


def test_item4_an_orchestration_is_told_by_phases_with_what_was_retried_and_kept(tmp_path: Path) -> None:
    house = orchestrated(tmp_path)
    house.history.run("nightly", "n1", "failed", at=NOON, took=5, message="phase read failed (prices)")
    house.link("n1", flow_id="n1", launch=0)
    house.task("read", "orders", "o1", "completed", NOON, "n1")
    house.task("read", "prices", "p1", "failed", NOON, "n1")
    house.flow("n1", FlowKind.ORCHESTRATION, "nightly", "failed", NOON, NOON + 5)
    house.render()
    said = words_of(house.page("orchestrations/nightly/n1/index.html"))
    assert "prices failed, the command ended with exit code 1; tables was not executed." in said
    assert "retry --flow n1" in said
    house.history.run("nightly", "n2", "completed", at=NOON + 60, data={"type": "retry"}, retry_of="n1", attempt=2)
    house.link("n2", flow_id="n1")
    data = {"orchestration": "nightly", "phase": "read", "task": "prices"}
    house.history.run("prices", "p2", at=NOON + 60, data=data, trigger_type="orchestration", retry_of="p1", attempt=2)
    house.link("p2", flow_id="n1", previous_run_id="n2")
    house.task("build", "tables", "t1", "completed", NOON + 62, "n1")
    house.link("t1", previous_run_id="n2")
    house.flow("n1", FlowKind.ORCHESTRATION, "nightly", "completed", NOON, NOON + 65)
    house.render()
    twin = json.loads(house.page("orchestrations/nightly/n1/index.json"))
    assert {part["name"]: part["runs"] for part in twin["parts"]} == {
        "orders": ["o1"], "prices": ["p1", "p2"], "tables": ["t1"],
    }  # fmt: skip
    said = words_of(house.page("orchestrations/nightly/n1/index.html"))
    assert "prices was tried 2 times: failed, completed." in said and "what had is kept" in said
    assert "hunter2" not in house.page("orchestrations/nightly/n1/index.html")
    assert twin["variables"]["PASSWORD"] != "hunter2" and twin["variables"]["ROWS"] == 7


def test_executions_are_listed_fifty_a_page_and_link_to_their_neighbours(tmp_path: Path) -> None:
    house = chained(tmp_path)
    for number in range(60):
        house.step("fetch", f"f{number:02}", "completed", NOON + 10 * number, None, f"f{number:02}")
        house.flow(f"f{number:02}", FlowKind.CHAIN, "fetch", "completed", NOON + 10 * number, NOON + 10 * number + 1)
    house.render()
    assert house.page("chains/fetch/page-1.html").count("execution ") == 50
    assert house.page("chains/fetch/index.html").count(">execution ") == 50
    assert links_of(house.page("chains/fetch/f30/index.html")).links.count("../../../chains/fetch/f31/index.html") == 1
    house.step("fetch", "f60", "completed", NOON + 600, None, "f60")
    house.flow("f60", FlowKind.CHAIN, "fetch", "completed", NOON + 600, NOON + 601)
    written = house.render()
    assert "chains/fetch/page-2.html" in written and "chains/fetch/page-1.html" not in written
    assert "chains/fetch/f59/index.html" in written and "chains/fetch/f58/index.html" not in written


def grown(house: House) -> None:
    """A little of everything, rendered after every step of it."""
    failed_chain(house)
    house.render()
    house.step("unpack", "u2", "running", NOON + 10, "f1", "f1", retry_of="u1", attempt=2)
    house.flow("f1", FlowKind.CHAIN, "fetch", "running", NOON)
    house.render()
    house.call("c1", "u1", "unpack", CallState.RUNNING, stop_time=None, exit_code=None)
    house.render()
    house.call("c1", "u1", "unpack", CallState.COMPLETED, output="said")
    calls.save_latches(house.history.connection, SaveLatches("unpack/tell", "f1", {"failed-job-self": (NOON, "u1")}, 1))
    house.step("unpack", "u2", "completed", NOON + 10, "f1", "f1", retry_of="u1", attempt=2)
    house.step("index", "i1", "waiting_for_lock", NOON + 11, "u2", "f1", locks='{"db": "exclusive"}')
    house.history.run("other", "o1", "running", at=NOON)
    house.link("o1", locks='{"db": "shared"}')
    house.render()
    house.history.run("fetch", "a1", "running", at=NOON + 20, trigger_type="manual")
    house.link("a1", items='{"total": 3, "made": 3}', flow_id="a1")
    for name in ("x", "y", "z"):
        house.history.run("fetch", f"a1-{name}", "failed", at=NOON + 20)
        house.link(f"a1-{name}", item=name, previous_run_id="a1", flow_id="a1", number=None)
    house.render()


def test_a_render_from_nothing_gives_the_same_bytes(tmp_path: Path) -> None:
    triggers = "failed-job-self and done-job-self"
    callback = Callback("tell", "unpack", triggers, parse(triggers), Language.SHELL, "echo told")
    jobs = [job("fetch"), job("unpack", after="fetch", callbacks=(callback,)), job("check"), job("index"), job("other")]
    house = House(tmp_path, *jobs, chains=CHAINS)
    grown(house)
    before = house.bytes()
    house.renderer.all(NOON, regenerate=True)
    after = house.bytes()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()


def test_every_link_leads_to_a_file(tmp_path: Path) -> None:
    house = chained(tmp_path)
    grown(house)
    for path in house.html.rglob("*.html"):
        for href in links_of(path.read_text()).links:
            if href.startswith(("data:", "#")) or "runs/" in href:
                continue
            assert (path.parent / href.partition("#")[0]).exists(), (path, href)


def test_retention_takes_a_run_out_of_the_pages_of_its_flow(tmp_path: Path) -> None:
    house = chained(tmp_path)
    failed_chain(house)
    house.render()
    connection = house.history.connection
    connection.execute(
        "insert into pruned (run_id, job_name, number, time, flow_id) values ('f1', 'fetch', 1, 1, 'f1')"
    )
    connection.execute("delete from runs where run_id = 'f1'")
    house.render()
    assert "jobs/fetch/f1/" not in house.page("chains/fetch/f1/index.html")
    assert "jobs/fetch/f1/" not in house.page("jobs/unpack/u1/index.html")


# --- callbacks ----------------------------------------------------------------------------------------------------


def told(tmp_path: Path, **settings: Any) -> House:
    triggers = "failed-job-self and done-job-self"
    callback = Callback("tell", "unpack", triggers, parse(triggers), Language.SHELL, "curl -u bot:s3cret99 x")
    house = House(tmp_path, job("unpack", callbacks=(callback,)), **settings)
    house.history.run("unpack", "u1", "failed", at=NOON)
    return house


def test_item5_a_callback_has_a_page_with_its_latches_and_calls(tmp_path: Path) -> None:
    house = told(tmp_path)
    house.call("c1", "u1", "unpack", CallState.FAILED, exit_code=7, output="no route to host", reason="exit 7")
    latches = SaveLatches("unpack/tell", "u9", {"failed-job-self": (NOON, "u1")}, 1)
    calls.save_latches(house.history.connection, latches)
    house.render()
    said = words_of(house.page("callbacks/job/unpack/tell/index.html"))
    for text in ("failed-job-self and done-job-self", "came true failed-job-self", "awaited done-job-self",
                 "no route to host", "exit code 7"):  # fmt: skip
        assert text in said, text
    assert "no route to host" in house.page("jobs/unpack/u1/index.html")
    assert "tell of unpack" in house.page("jobs/unpack/index.html")
    assert json.loads(house.page("callbacks/job/unpack/tell/index.json"))["standing"][0]["open"] == ["done-job-self"]


def test_a_call_that_ends_writes_the_pages_of_its_callback_and_of_its_run(tmp_path: Path) -> None:
    house = told(tmp_path)
    house.call("c1", "u1", "unpack", CallState.RUNNING, stop_time=None, exit_code=None)
    house.render()
    assert not house.renderer.stale()
    house.call("c1", "u1", "unpack", CallState.COMPLETED, output="told")
    assert house.renderer.stale()
    pages = {f"{place}/index.{kind}" for place in ("callbacks/job/unpack/tell", "callbacks", "jobs/unpack/u1")
             for kind in ("html", "json")}  # fmt: skip
    assert house.render() <= pages | STATE
    assert "told" in house.page("jobs/unpack/u1/index.html")


def test_a_start_makes_the_pages_of_calls_that_ended_while_nobody_looked(tmp_path: Path) -> None:
    house = told(tmp_path)
    house.call("c1", "u1", "unpack", CallState.RUNNING, stop_time=None, exit_code=None)
    house.render()
    house.call("c1", "u1", "unpack", CallState.COMPLETED, output="while you slept")
    callback = house.renderer._configuration.jobs["unpack"]
    house.configure(callback)
    house.render(NOON + 100)
    assert "while you slept" in house.page("jobs/unpack/u1/index.html")


# --- the life of a run --------------------------------------------------------------------------------------------


def test_J_stages_are_a_table_linked_into_the_output(tmp_path: Path) -> None:
    house = House(tmp_path, job("release"))
    house.history.run("release", "r1", "failed", at=NOON, output=b"building\none warning\nerror: no space\n")
    stages = [
        {"name": "build", "start_time": NOON, "stop_time": NOON + 1, "exit_code": 0, "output_start": 0, "launch": 1},
        {
            "name": "upload",
            "start_time": NOON + 1,
            "stop_time": NOON + 2,
            "exit_code": 4,
            "output_start": 21,
            "launch": 1,
        },
    ]
    house.link("r1", stages=json.dumps(stages), stage="upload")
    house.render()
    page = house.page("jobs/release/r1/index.html")
    assert 'href="#L1">from line 1' in page and 'href="#L3">from line 3' in page
    assert "failed upload 12:00:01 1.0 s 4" in words_of(page)


def test_Q_ten_thousand_items_stay_small_and_the_failed_ones_stand_first(tmp_path: Path) -> None:
    house = House(tmp_path, job("frames"))
    house.history.run("frames", "a1", "running", at=NOON)
    house.link("a1", items=json.dumps({"total": 10_000, "made": 9_000}))
    rows = [
        (f"i{n}", "frames", "failed" if n % 60 == 7 else "completed", NOON, NOON, NOON, NOON + 1, str(n), n)
        for n in range(9_000)
    ]
    house.history.connection.executemany(
        "insert into runs (run_id, job_name, status, schedule_time, queue_time, start_time, stop_time, item, sequence,"
        " trigger_type, trigger_data, revision, previous_run_id)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'manual', '{}', 1, 'a1')", rows)  # fmt: skip
    press = house.renderer._press()
    row = house.history.reader.run("a1")
    assert row is not None
    began = time.process_time()
    press.run_page(row)
    assert time.process_time() - began < 2.0
    page = house.page("jobs/frames/a1/index.html")
    assert "10000 items: 150 failed, 8850 completed, 1000 waiting." in page
    assert "failed 7 1.0 s" in words_of(page) and "50 more like these" in page
    assert len(page) < 100_000


def test_a_run_that_waits_for_a_lock_names_who_holds_it(tmp_path: Path) -> None:
    house = House(tmp_path, job("one"), job("two"))
    house.history.run("one", "r1", "running", at=NOON)
    house.link("r1", locks='{"db": "exclusive"}')
    house.history.run("two", "r2", "waiting_for_lock", at=NOON)
    house.link("r2", locks='{"db": "shared"}')
    house.render()
    page = house.page("jobs/two/r2/index.html")
    assert "It waits for lock db (shared), held by run r1" in words_of(page)
    assert "../../../jobs/one/r1/index.html" in links_of(page).links
    house.history.run("one", "r1", "completed", at=NOON)
    house.link("r1")
    house.history.run("one", "r3", "running", at=NOON + 1)
    house.link("r3", locks='{"db": "exclusive"}')
    house.render()
    assert "held by run r3" in words_of(house.page("jobs/two/r2/index.html"))


def test_attempts_lead_to_one_another(tmp_path: Path) -> None:
    house = House(tmp_path, job("build"))
    house.history.run("build", "r1", "failed", at=NOON)
    house.render()
    house.history.run("build", "r2", "failed", at=NOON + 1, retry_of="r1", attempt=2)
    house.history.run("build", "r3", "completed", at=NOON + 2, retry_of="r2", attempt=3)
    house.render()
    assert "../../../jobs/build/r2/index.html" in links_of(house.page("jobs/build/r1/index.html")).links
    assert words_of(house.page("jobs/build/r3/index.html")).count("attempt ") >= 2
    assert "attempt 3, this run" in words_of(house.page("jobs/build/r3/index.html"))


def test_an_event_trigger_tells_what_is_ready_and_what_is_awaited(tmp_path: Path) -> None:
    trigger = EventTrigger(("/in/a.csv", "job:fetch"), cool_down=3000.0)
    house = House(tmp_path, job("invoice", event_trigger=trigger), job("fetch"))
    house.render()
    write_flow(house.history.connection, SaveReady(Ready("invoice", None, {"/in/a.csv": NOON})))
    assert house.renderer.stale()
    written = house.render()
    assert "jobs/invoice/index.html" in written and "flows.html" in written
    said = words_of(house.page("jobs/invoice/index.html"))
    assert "ready /in/a.csv" in said and "awaited job:fetch" in said and "not within 50 min" in said


# --- what is hidden, and what is inert -------------------------------------------------------------------------------


def test_no_secret_reaches_a_page_of_a_flow_or_a_callback(tmp_path: Path) -> None:
    house = told(tmp_path, secrets=Secrets(values={"unpack": ("s3cret99",)}))
    house.call("c1", "u1", "unpack", CallState.FAILED, output="sent s3cret99", code="curl s3cret99", reason="s3cret99")
    house.render()
    for path in house.html.rglob("*"):
        assert path.is_dir() or b"s3cret99" not in path.read_bytes(), path


def attacked_flows(root: Path) -> House:
    """Attacks in the names of jobs, phases, tasks, stages and items, in code and output of callbacks."""
    odd = "<script>alert(1)</script>"
    flow = Orchestration(odd, (Phase(ATTACK, (Task(ATTACK, odd), Task("x", "plain"))),))
    callback = Callback(ATTACK[:40], "plain", "failed-job-self", parse("failed-job-self"), Language.SHELL, ATTACK)
    jobs = [
        Job(odd, (), flow=flow, description=ATTACK),
        job("plain", callbacks=(callback,)),
        job('"><b>x', after="plain"),
    ]
    chains = Chains({'"><b>x': "plain"}, {"plain": ('"><b>x',)}, (Repair('"><b>x', (ATTACK,), "plain"),))
    house = House(root, *jobs, chains=chains)
    house.history.run(odd, "n1", "failed", at=NOON, message=ATTACK)
    house.link("n1", flow_id="n1")
    data = {"orchestration": odd, "phase": ATTACK, "task": ATTACK}
    house.history.run("plain", "t1", "failed", at=NOON, data=data, trigger_type="orchestration", output=ATTACK.encode())
    stages = [{"name": ATTACK, "start_time": NOON, "stop_time": NOON, "exit_code": 1, "output_start": 0}]
    house.link("t1", flow_id="n1", previous_run_id="n1", stages=json.dumps(stages), resume=ATTACK,
               locks=json.dumps({ATTACK: ATTACK}), items=json.dumps({"total": 2}))  # fmt: skip
    house.history.run("plain", "i1", "failed", at=NOON, output=ATTACK.encode())
    house.link("i1", item=ATTACK, previous_run_id="t1", number=None)
    house.flow("n1", FlowKind.ORCHESTRATION, odd, "failed", NOON, NOON + 5)
    house.step("plain", "p1", "completed", NOON, None, "p1")
    house.step('"><b>x', "p2", "failed", NOON + 2, "p1", "p1", output=ATTACK.encode())
    house.flow("p1", FlowKind.CHAIN, "plain", "failed", NOON, NOON + 3)
    house.call("c1", "t1", "plain", CallState.FAILED, callback=callback.key, output=ATTACK, reason=ATTACK,
               code=ATTACK, triggers=ATTACK, event={"text": ATTACK},
               latches={ATTACK: (NOON, ATTACK), "x": (NOON, "t1")})  # fmt: skip
    house.render()
    return house


def test_P17_no_text_of_flows_and_callbacks_becomes_markup(tmp_path: Path) -> None:
    house = attacked_flows(tmp_path)
    pages = [path for path in house.html.rglob("*.html")]
    assert len(pages) >= 25 and not house.renderer._rendered.failed  # type: ignore[union-attr]
    for path in pages:
        parser = _Tags()
        parser.feed(path.read_text())
        assert ">49<" not in path.read_text()
