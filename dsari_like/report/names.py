"""Which file a page is, and what a link to it looks like.

Owns every path below `html/`. A job's directory is its own name: names hold no slash, `jobs/` holds nothing but
directories of jobs, and a job's directory nothing but pages and run ids, so no name can take the place of a page,
not even `index.html`. What a URL minds in a name is percent-encoded in the link and not on the disk, where it
would only have to be encoded again. A name that never passed the check of the configuration is encoded on the disk
too; it keeps a `%`, which no checked name holds.
"""

from __future__ import annotations

from urllib.parse import quote

from dsari_like.core.names import is_job_name

PAGE_SIZE = 50
JOBS_A_PAGE = 100
INDEX = "index.html"
STATUS = "status.json"
TIMELINE = "timeline.html"
FAILURES = "failures.html"
SEARCH = "search.html"
STATES = "states.html"
FEED = "feed.atom"
AGENDA = "calendar.ics"
DAYS = "days"


def directory_of(name: str) -> str:
    """The name of a job or run as one component of a path."""
    if is_job_name(name):
        return name
    return quote(name, safe="").replace(".", "%2E")[:240] or "%"


def front_page() -> str:
    """The page that is opened first."""
    return INDEX


def jobs_page(number: int) -> str:
    """The list of all jobs, counted from 1."""
    return "all-jobs.html" if number == 1 else f"all-jobs-{number}.html"


def day_page(day: str) -> str:
    """The runs of a day, `2026-11-20`."""
    return f"{DAYS}/{day}.html"


def job_directory(job: str) -> str:
    """Where a job's pages are."""
    return f"jobs/{directory_of(job)}"


def job_page(job: str) -> str:
    """What there is to say of a job."""
    return f"{job_directory(job)}/{INDEX}"


def job_feed(job: str) -> str:
    """What ended last of a job."""
    return f"{job_directory(job)}/{FEED}"


def badge(job: str) -> str:
    """How a job stands, as a picture."""
    return f"{job_directory(job)}/badge.svg"


def history_page(job: str, number: int) -> str:
    """A page of the job's history, counted from its oldest runs."""
    return f"{job_directory(job)}/page-{number}.html"


def run_directory(job: str, run_id: str) -> str:
    """Where a run's page is."""
    return f"{job_directory(job)}/{directory_of(run_id)}"


def run_page(job: str, run_id: str) -> str:
    """What there is to say of a run."""
    return f"{run_directory(job, run_id)}/{INDEX}"


def history_number(run_number: int) -> int:
    """The page of the history that holds the run of this number."""
    return (run_number - 1) // PAGE_SIZE + 1


def history_numbers(run_number: int) -> set[int]:
    """The page that holds the run; with the last run of a full page also the next one, still empty."""
    return {history_number(run_number), last_history_number(run_number)}


def last_history_number(newest: int) -> int:
    """The page a job's next run will be on. It exists before it holds any, so that a full page can link to it
    without being written again."""
    return newest // PAGE_SIZE + 1


def twin_of(page: str) -> str:
    """The JSON beside an index page."""
    return page.removesuffix(".html") + ".json"


def search_twin_of(page: str) -> str:
    """The part of the search's index beside a page of a history."""
    return page.removesuffix(".html") + ".js"


def search_list(number: int) -> str:
    """The part of the search's index for a page of the list of all jobs."""
    return f"search/jobs-{number}.js"


def jobs_page_count(jobs: int) -> int:
    """How many pages the list of so many jobs has; at least one."""
    return max(1, -(-jobs // JOBS_A_PAGE))


def root_of(page: str) -> str:
    """The way from a page back to the front page's directory: empty, or `../` as often as it takes."""
    return "../" * page.count("/")


def link(root: str, page: str) -> str:
    """A relative URL that works from a file system and from any place on a server."""
    return root + quote(page, safe="/-_.~")


# --- flows and callbacks ------------------------------------------------------------------------------------------

FLOWS = "flows.html"
CALLBACKS = f"callbacks/{INDEX}"
_UNIVERSAL = "*"


def flow_directory(kind: str, name: str) -> str:
    """Where the pages of a chain (by the job at its head) or of an orchestration are; `kind` is the word of the run
    log."""
    return f"{kind}s/{directory_of(name)}"


def flow_page(kind: str, name: str) -> str:
    """What there is to say of a chain or an orchestration."""
    return f"{flow_directory(kind, name)}/{INDEX}"


def flow_history_page(kind: str, name: str, number: int) -> str:
    """A page of its executions, counted from the oldest."""
    return f"{flow_directory(kind, name)}/page-{number}.html"


def execution_page(kind: str, name: str, flow_id: str) -> str:
    """What there is to say of one execution."""
    return f"{flow_directory(kind, name)}/{directory_of(flow_id)}/{INDEX}"


def callback_page(key: str) -> str:
    """What there is to say of a callback, by its owner and its name. Those of the whole site are in a directory that no
    job's can be."""
    owner, _, name = key.partition("/")
    place = "site" if owner == _UNIVERSAL else f"job/{directory_of(owner)}"
    return f"callbacks/{place}/{directory_of(name)}/{INDEX}"
