/* Search without a server: the index is a set of scripts that are loaded when somebody searches.

   Scripts and not JSON, because a page that was opened from a disk may not fetch its neighbours, but may load them as
   scripts. Each calls dsariLike.jobs or dsariLike.runs with arrays of text; nothing of it is ever taken for markup. */
"use strict";

const dsariLike = (() => {
  const ROUND = 300, SHOWN = 200, AT_ONCE = 8;
  const find = (id) => document.getElementById(id);
  const jobs = [], pages = new Map(), queue = [];
  let round = 0, loading = 0, allowed = ROUND, timer = 0, shown = 0;

  /* Every file is asked for once; one that is gone, for its runs were removed, is no fault. */
  const load = (url) => new Promise((done) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = script.onerror = () => { script.remove(); done(); };
    document.head.append(script);
  });

  const wanted = () => ({
    words: find("words").value.toLowerCase().split(/\s+/).filter(Boolean),
    state: find("state").value, job: find("job").value.trim(), day: find("day").value,
  });
  const isEmpty = (asked) => !asked.words.length && !asked.state && !asked.job && !asked.day;
  const holds = (text, words) => words.every((word) => text.includes(word));

  const line = (tone, word, url, title, when, text) => {
    const item = document.createElement("li"), link = document.createElement("a"), state = document.createElement("span");
    const sign = document.querySelector(`#signs .${tone} svg`);
    state.className = `state ${tone}`;
    if (sign) state.append(sign.cloneNode(true));
    state.append(word);
    link.href = url;
    link.className = "what";
    link.textContent = title;
    item.append(state, " ", link);
    if (when) item.append(" ", Object.assign(document.createElement("span"), { className: "dim", textContent: when }));
    if (text) item.append(Object.assign(document.createElement("small"), { textContent: text }));
    item.dataset.when = when;
    const later = [...find("found").children].find((other) => when && other.dataset.when && other.dataset.when < when);
    find("found").insertBefore(item, later || null);
    shown += 1;
  };

  const showJob = (job, asked) => {
    if (asked.day || (asked.job && job.name !== asked.job) || (asked.state && job.status !== asked.state)) return;
    if (asked.words.length && !holds(job.text, asked.words)) return;
    line(job.tone, job.word, job.url + "index.html", job.name, "", job.about);
  };
  const showRuns = (job, runs, asked) => {
    if (asked.job && job.name !== asked.job) return;
    for (const [number, id, status, tone, word, when, text, more] of runs) {
      if (shown >= SHOWN) return;
      if ((asked.state && status !== asked.state) || (asked.day && !when.startsWith(asked.day))) continue;
      if (!holds(`${job.name} ${id} ${text} ${more}`.toLowerCase(), asked.words)) continue;
      line(tone, word, `${job.url}${id}/index.html`, `${job.name}, run ${number}`, when, text);
    }
  };

  const tell = () => {
    const left = queue.length + loading, more = find("more");
    find("progress").textContent = shown >= SHOWN ? `The first ${shown} are shown; one more word makes them fewer.`
      : loading ? `${shown} found, ${left} pages of histories to look through.`
      : `${shown} found` + (left ? "; older runs were not looked through yet." : ".");
    more.hidden = loading > 0 || !queue.length || shown >= SHOWN;
  };

  const next = (mine) => {
    while (mine === round && loading < AT_ONCE && queue.length && allowed > 0 && shown < SHOWN) {
      const [job, number] = queue.shift(), url = `${job.url}page-${number}.js`;
      const show = () => { if (mine === round) showRuns(job, pages.get(url) || [], wanted()); };
      if (pages.has(url)) { show(); continue; }
      allowed -= 1;
      loading += 1;
      load(url).then(() => { loading -= 1; show(); next(round); });
    }
    tell();
  };

  /* The newest page of every job, then the ones before them. */
  const search = async () => {
    const mine = round += 1;
    while (jobs.length < Number(find("search").dataset.lists)) await load(`search/jobs-${jobs.length + 1}.js`).then(
      () => { if (!jobs[jobs.length - 1]) jobs.push([]); });
    if (mine !== round) return;
    const asked = wanted(), all = jobs.flat();
    remember(asked);
    find("found").replaceChildren();
    queue.length = shown = 0;
    allowed = ROUND;
    find("results").hidden = isEmpty(asked);
    if (isEmpty(asked)) return;
    all.forEach((job) => showJob(job, asked));
    const mineOnly = all.filter((job) => job.newest && (!asked.job || job.name === asked.job));
    const most = Math.max(0, ...mineOnly.map((job) => job.newest - job.oldest + 1));
    for (let back = 0; back < most; back += 1) for (const job of mineOnly) {
      if (job.newest - back >= job.oldest) queue.push([job, job.newest - back]);
    }
    next(mine);
  };

  const remember = (asked) => {
    const kept = new URLSearchParams();
    for (const key of ["state", "job", "day"]) if (asked[key]) kept.set(key, asked[key]);
    if (asked.words.length) kept.set("q", find("words").value);
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname.split("/").pop());
  };
  const recall = () => {
    const kept = new URLSearchParams(location.hash.slice(1));
    find("words").value = kept.get("q") || "";
    for (const key of ["state", "job", "day"]) find(key).value = kept.get(key) || "";
    search();
  };

  document.addEventListener("DOMContentLoaded", () => {
    find("needs-script").hidden = true;
    find("search").hidden = false;
    for (const key of ["words", "state", "job", "day"]) find(key).addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(search, 150);
    });
    find("more").addEventListener("click", () => { allowed = ROUND; next(round); });
    addEventListener("hashchange", recall);
    recall();
    find("words").focus();
  });

  return {
    jobs: (list) => jobs.push(list.map(([name, url, status, tone, word, about, oldest, newest]) => (
      { name, url, status, tone, word, about, oldest, newest, text: `${name} ${about}`.toLowerCase() }))),
    runs: (url, list) => pages.set(url, list),
  };
})();
